import type { Redis } from 'ioredis';

/**
 * Which server a client talks to, in digits: a replica that takes over has another one than the master had. Empty for a Redis
 * that has no replicas to take over.
 */
const origins = new WeakMap<Redis, string>();

export function originOf(client: Redis): string {
  return origins.get(client) ?? '';
}

/** `runId`: of the server's process, 40 hex digits; where there is none, requests cannot be told apart. */
export function noteOrigin(client: Redis, runId: string): void {
  if (/^[0-9a-f]{12}/.test(runId)) origins.set(client, String(Number.parseInt(runId.slice(0, 12), 16)));
}

/** Flags of a request's meta, as admit.lua takes them. One that must not run twice carries where it was admitted. */
export function flagsOf(
  { repeatable, bodyFollows }: { repeatable: boolean; bodyFollows: boolean },
  client: Redis,
): string {
  if (repeatable) return bodyFollows ? 'sb' : 's';
  return (bodyFollows ? 'b' : '-') + originOf(client);
}

/**
 * Whether a request with these flags, found at this client, was admitted by another server. What was not copied when that one
 * went is not known here: somebody may have pulled it there, or even answered it.
 */
export function isFromElsewhere(flags: string, client: Redis): boolean {
  const origin = /\d+$/.exec(flags)?.[0];
  return origin !== undefined && origin !== originOf(client);
}
