import { badInput } from '../../runtime/bad-input.ts';
import { listOf, textOf } from '../connection/reply-shape.ts';

/** A group has this many lanes at most, of 8 instances each. */
export const MOST_LANES = 1_024;

/** Lanes of relays have numbers from here on: one relay each, and every admission looks at them. */
export const FIRST_RELAY_LANE = 100_000;

export function isRelayLane(lane: string): boolean {
  return Number.parseInt(lane, 10) >= FIRST_RELAY_LANE;
}

/** A number, then up to 16 scopes of an agent record or a few more of a flag. */
const NAME = /^\d{1,9}(?:\+[\w.-]{1,64}){0,32}$/;

const MOST_CHARS = 9 + 32 * 65;

export function isLaneName(value: unknown): value is string {
  const text = textOf(value, MOST_CHARS);
  return text !== undefined && NAME.test(text);
}

/** The fields of a group's `lanes` that are names of lanes. `key`: where they were found. */
export function laneNames(found: unknown, key: string): string[] {
  const lanes: string[] = [];
  for (const field of listOf(found)) {
    if (!isLaneName(field)) badInput.note('lane', key);
    else if (lanes.length < MOST_LANES) lanes.push(field);
  }
  return lanes;
}
