import { expect, test } from 'vitest';
import { statusSchema } from '../../router-cli/api/status.ts';
import { isServing, stateOfGroup } from '../../router-cli/commands/status.ts';

/** A group with an instance in each of these states. */
function group(states: readonly string[], fields: object = {}) {
  const instances = states.map((state, i) => ({ id: String(i), group: 'g', state, slots: 1 }));
  const [found] = statusSchema.parse({ groups: [{ name: 'g', slots: 1, instances, ...fields }] }).groups;
  if (!found) throw new Error('no group');
  return found;
}

test.each([
  [['ready'], {}, 'active'],
  [['ready', 'upstream-down'], {}, 'active'],
  [['ready'], { configured: false }, 'by flags'],
  [['ready'], { paused: true }, 'paused'],
  [[], {}, 'no agent'],
  [['ready'], { slots: 0 }, 'no slots'],
  [['upstream-down', 'paused'], {}, 'upstream down'],
  [['paused', 'draining'], {}, 'agents paused'],
  // A running request keeps its slot until it ends.
  [['draining'], { slots: 1 }, 'agents draining'],
])('of a group whose instances are %j, %j, it is said: %s', (states, fields, said) => {
  const shown = group(states, fields);
  expect(stateOfGroup(shown)).toBe(said);
  expect(isServing(shown)).toBe(said === 'active' || said === 'by flags');
});
