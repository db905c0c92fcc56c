import type { GroupKeys } from './keys.ts';
import { scopesOfLanes } from './script-keys.ts';

/** The streams of a group that hold requests: those in which they wait, for each scope and for none, and its lanes. */
export function requestStreams(
  { waiting, redelivery, lane }: GroupKeys,
  lanes: readonly string[],
): { waiting: string[]; lane: string[] } {
  const scopes = scopesOfLanes(lanes).map((scope) => `:${scope}`);
  const lines = ['', ...scopes].flatMap((suffix) => [`${redelivery}${suffix}`, `${waiting}${suffix}`]);
  return { waiting: lines, lane: lanes.map(lane) };
}
