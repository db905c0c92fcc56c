import type { GroupKeys } from './keys.ts';
import { isRelayLane } from './lane-names.ts';

/**
 * The name of a lane is a number and the scopes that all its instances carry: `0`, `1`, `0+gpu`, `0+eu+gpu`. Requests with a
 * scope wait in a line of its own and go to lanes that have it; the others go to any lane.
 */
export function scopesOf(lane: string): string[] {
  return lane.split('+').slice(1);
}

/** The end of a lane's name, which lists the scopes of its instances. Lanes with the same end serve the same requests. */
export function endOfLane(scopes: readonly string[]): string {
  return [...scopes]
    .sort()
    .map((scope) => `+${scope}`)
    .join('');
}

/** The scopes of several lanes, each once. */
export function scopesOfLanes(lanes: readonly string[]): string[] {
  return [...new Set(lanes.flatMap(scopesOf))].sort();
}

/** The first KEYS and ARGV of a script of a group: group-names.lua names them. */
export interface GroupScript {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** The group with these lanes, and the lines of their scopes. */
export function groupScript(keys: GroupKeys, lanes: readonly string[]): GroupScript {
  const { waiting, redelivery, permits, settings, hubs } = keys;
  const scopes = scopesOfLanes(lanes);
  return {
    keys: [
      ...[waiting, redelivery, keys.lanes, permits, settings, hubs],
      ...lanes.map(keys.lane),
      ...scopes.flatMap((scope) => [`${waiting}:${scope}`, `${redelivery}:${scope}`]),
    ],
    args: [lanes.length, ...lanes, scopes.length, ...scopes],
  };
}

/** Splits lanes into parts of `most` lanes, or more where needed: each part has lanes for every scope of the whole. */
export function splitLanes(lanes: readonly string[], most: number): string[][] {
  const count = Math.max(1, Math.ceil(lanes.length / most));
  if (count === 1) return [[...lanes]];
  const alike = new Map<string, string[]>();
  for (const lane of lanes) {
    const end = endOfLane(scopesOf(lane));
    alike.set(end, [...(alike.get(end) ?? []), lane]);
  }
  return Array.from({ length: count }, (_, part) =>
    [...alike.values()].flatMap((same) => {
      const share = same.filter((_lane, i) => i % count === part);
      return share.length > 0 ? share : same.slice(part % same.length, (part % same.length) + 1);
    }),
  );
}

/**
 * The lanes that one admission after the other looks at: some of those that agents share, and all of those that relays have,
 * up to `mostRelays`. There are as many relays as hubs, and each may have more free slots than all other lanes together.
 */
export function admissionParts(lanes: readonly string[], most: number, mostRelays: number): string[][] {
  const shared = splitLanes(
    lanes.filter((lane) => !isRelayLane(lane)),
    most,
  );
  const relays = splitLanes(lanes.filter(isRelayLane), mostRelays);
  return Array.from({ length: Math.max(shared.length, relays.length) }, (_, i) => [
    ...(shared[i % shared.length] ?? []),
    ...(relays[i % relays.length] ?? []),
  ]);
}
