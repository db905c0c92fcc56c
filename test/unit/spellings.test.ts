import { expect, test } from 'vitest';
import { createCli } from '../../router-cli/program.ts';
import { spellOut } from '../../router-cli/spellings.ts';

test.each([
  ['get groups', 'group list'],
  ['get group llama', 'group show llama'],
  ['get group/llama -o yaml', 'group show llama -o yaml'],
  ['get agents --group g -w', 'agent list --group g -w'],
  ['get status', 'status'],
  ['get requests --group g', 'requests list --group g'],
  ['get config', 'config export'],
  ['groups', 'group list'],
  ['groups -o wide', 'group list -o wide'],
  ['agents list', 'agent list'],
  ['contexts', 'context list'],
  ['describe agent a', 'agent show a'],
  ['agent describe a', 'agent show a'],
  ['delete route r --yes', 'route remove r --yes'],
  ['routes delete r', 'route remove r'],
  ['create group g --concurrency 4', 'group add g --concurrency 4'],
  ['edit app a', 'app edit a'],
  ['--context prod group list', 'group list --context prod'],
  ['--context=prod -o json get groups', 'group list --context=prod -o json'],
  ['help', '--help'],
  ['help group add', 'group add --help'],
])('%s is %s', (typed, meant) => {
  expect(spellOut(typed.split(' '))).toEqual(meant.split(' '));
});

test('every command keeps its own spelling', () => {
  const program = createCli({ env: {}, script: 'router-cli' });
  for (const command of program.commands) {
    const words = [command.name(), ...(command.commands[0] ? [command.commands[0].name()] : [])];
    for (const inner of [...command.commands, undefined]) {
      const own = inner ? [command.name(), inner.name(), 'x'] : words;
      expect(spellOut(own)).toEqual(own);
    }
  }
});
