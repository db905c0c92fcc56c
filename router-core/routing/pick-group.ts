import type { Route } from '../config/route.ts';

/** A number from 0 up to, but not including, 1. */
export type Random = () => number;

/** Draws one of the groups of a route by weight, never one with weight 0. At least one weight must be above 0. */
export function createGroupPicker(targets: Route['groups']): (random: Random) => string {
  const drawn = targets.filter(({ weight }) => weight > 0);
  const last = drawn.at(-1)?.group ?? '';
  if (drawn.length === 1) return () => last;
  let total = 0;
  const shares = drawn.map(({ group, weight }) => ({ group, below: (total += weight) }));
  return (random) => {
    const ticket = random() * total;
    return shares.find(({ below }) => ticket < below)?.group ?? last;
  };
}
