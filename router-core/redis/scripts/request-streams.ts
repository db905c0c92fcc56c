import type { GroupKeys } from './keys.ts';
import { scopesOfLanes } from './script-keys.ts';

/** The streams of a group that hold requests: the lines of each scope and of none, and the lanes. */
export function requestStreams(
  { waiting, redelivery, lane }: GroupKeys,
  lanes: readonly string[],
): { waiting: string[]; lane: string[] } {
  const scopes = scopesOfLanes(lanes).map((scope) => `:${scope}`);
  const lines = ['', ...scopes].flatMap((suffix) => [`${redelivery}${suffix}`, `${waiting}${suffix}`]);
  return { waiting: lines, lane: lanes.map(lane) };
}
