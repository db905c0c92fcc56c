import type { Redis } from 'ioredis';

/**
 * Identifies the server of a client, in digits: a replica that takes over has another value than its master had. Empty for a
 * Redis without replicas.
 */
const origins = new WeakMap<Redis, string>();

export function originOf(client: Redis): string {
  return origins.get(client) ?? '';
}

/** `runId`: of the server's process, 40 hex digits. Without one, all servers count as the same. */
export function noteOrigin(client: Redis, runId: string): void {
  if (/^[0-9a-f]{12}/.test(runId)) origins.set(client, String(Number.parseInt(runId.slice(0, 12), 16)));
}

/**
 * Flags of a request's meta, as admit.lua takes them. A request that must not run twice carries the origin where it was
 * admitted.
 */
export function flagsOf(
  { repeatable, bodyFollows }: { repeatable: boolean; bodyFollows: boolean },
  client: Redis,
): string {
  if (repeatable) return bodyFollows ? 'sb' : 's';
  return (bodyFollows ? 'b' : '-') + originOf(client);
}

/**
 * True when a request with these flags, found at this client, was admitted by another server. Writes that were not copied
 * before that server went are unknown here: an agent may have pulled the request there, or even answered it.
 */
export function isFromElsewhere(flags: string, client: Redis): boolean {
  const origin = /\d+$/.exec(flags)?.[0];
  return origin !== undefined && origin !== originOf(client);
}
