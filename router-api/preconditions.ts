import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import type { ApiContext } from './endpoint.ts';

/** The ETag of an object is its revision, that of the configuration its version. */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** True when `If-None-Match` shows that the client has this revision (RFC 9110 §13.1.2: weak comparison). */
export function isKnown(c: ApiContext, revision: number): boolean {
  const header = c.req.header('if-none-match');
  if (header === undefined) return false;
  return header.trim() === '*' || tagsIn(header).some((tag) => tag.replace(/^W\//, '') === etagOf(revision));
}

/** Throws when `If-Match` names another revision, RFC 9110 §13.1.1: strong comparison. */
export function requireMatch(c: ApiContext, revision: number): void {
  const header = c.req.header('if-match');
  if (header === undefined || header.trim() === '*' || tagsIn(header).includes(etagOf(revision))) return;
  throw new ConfigRefusal('stale', `It is at revision ${revision} now: read it again`);
}

/** `If-None-Match: *`: write only if there is none yet. */
export function wantsNew(c: ApiContext): boolean {
  return c.req.header('if-none-match')?.trim() === '*';
}

function tagsIn(header: string): string[] {
  return header.split(',').map((tag) => tag.trim());
}
