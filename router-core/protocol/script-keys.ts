import type { GroupKeys } from './keys.ts';

/**
 * A lane's name is a number and the scopes that all of its instances carry: `0`, `0+gpu`, `0+eu+gpu`. Requests that ask for a
 * scope wait in a line of its own and go to lanes that have it; the others go to any lane.
 */
export function laneOf(scopes: readonly string[]): string {
  return ['0', ...[...scopes].sort()].join('+');
}

export function scopesOf(lane: string): string[] {
  return lane.split('+').slice(1);
}

/** The scopes of several lanes, each once. */
export function scopesOfLanes(lanes: readonly string[]): string[] {
  return [...new Set(lanes.flatMap(scopesOf))].sort();
}

/** KEYS that group.lua names. */
export function groupScriptKeys(
  keys: GroupKeys,
  lanes: readonly string[],
  scopes: readonly string[],
): string[] {
  const { waiting, redelivery, permits, settings, hubs } = keys;
  return [
    ...[waiting, redelivery, keys.lanes, permits, settings, hubs],
    ...lanes.map(keys.lane),
    ...scopes.flatMap((scope) => [`${waiting}:${scope}`, `${redelivery}:${scope}`]),
  ];
}

/** ARGV that group.lua names. */
export function groupScriptArgs(lanes: readonly string[], scopes: readonly string[]): (string | number)[] {
  return [lanes.length, ...lanes, scopes.length, ...scopes];
}
