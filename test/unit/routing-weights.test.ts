import { expect, test } from 'vitest';
import { compileRoutes } from '../../router-core/routing/compile-routes.ts';
import { createRandom } from '../support/random.ts';
import { requestOf, routeOf } from '../support/routes.ts';

const route = (weights: Record<string, number>) =>
  routeOf({ groups: Object.entries(weights).map(([group, weight]) => ({ group, weight })) });

function groupAt(weights: Record<string, number>, ticket: number): string | undefined {
  return compileRoutes([route(weights)], { random: () => ticket }).match(requestOf('/'))?.group;
}

test.each([
  [0, 'a'],
  [0.0999, 'a'],
  [0.1, 'b'],
  [0.3999, 'b'],
  [0.4, 'c'],
  [0.9999999, 'c'],
])('of weights 1, 3 and 6 the ticket %d draws %s', (ticket, group) => {
  expect(groupAt({ a: 1, b: 3, c: 6 }, ticket)).toBe(group);
});

test('a group of weight 0 gets nothing, wherever it stands', () => {
  for (const ticket of [0, 0.5, 1 - Number.EPSILON]) {
    expect(groupAt({ none: 0, a: 1, nothing: 0 }, ticket)).toBe('a');
    expect(groupAt({ none: 0, a: 1, never: 0, b: 1, nothing: 0 }, ticket)).toBe(ticket < 0.5 ? 'a' : 'b');
  }
});

test('every request draws anew, and the shares are those of the weights', () => {
  const table = compileRoutes([route({ a: 1, b: 3 })], { random: createRandom(7) });
  const counts = new Map<string | undefined, number>();
  for (let i = 0; i < 20_000; i++) {
    const group = table.match(requestOf('/'))?.group;
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  expect(new Set(counts.keys())).toEqual(new Set(['a', 'b']));
  // Four standard deviations: 4 · √(20000 · 1/4 · 3/4) = 245.
  expect(Math.abs((counts.get('a') ?? 0) - 5_000)).toBeLessThan(245);
});
