import type { Redis } from 'ioredis';
import { z } from 'zod';
import { diffDocuments, type ObjectChange } from '../../config/diff-documents.ts';
import { OBJECT_KINDS } from '../../config/object-kinds.ts';
import { MASK } from '../../config/route.ts';
import type { StoredToken } from '../../config/token.ts';
import type { Steps } from '../../config/steps.ts';
import { isIdentity } from '../../config/config-edits.ts';
import { listsOf, objectsOf, type ConfigState } from '../../config/config-state.ts';
import { AUDIT_ENTRIES } from './config-store.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { endBefore } from '../scripts/times.ts';
import { parseJson } from '../../runtime/parse-json.ts';

/** The author of a change. */
export const actorSchema = z.object({
  name: z.string().meta({ description: 'The name of the admin' }),
  tokenId: z.string().nullable(),
  ip: z.string().nullable(),
});
export type Actor = z.output<typeof actorSchema>;

export const objectChangeSchema = z
  .object({
    kind: z.enum(OBJECT_KINDS),
    name: z.string(),
    change: z.enum(['added', 'removed', 'changed']),
    fields: z
      .array(z.array(z.unknown()))
      .optional()
      .meta({ description: 'What has changed in the object: [path, before, after]; for tokens, their ids' }),
  })
  .meta({ id: 'ObjectChange' });

export const auditEntrySchema = z
  .object({
    at: z.string(),
    actor: actorSchema,
    action: z.string().meta({ example: 'update' }),
    version: z.number(),
    changes: z.array(objectChangeSchema),
    more: z.int().optional().meta({ description: 'Changes that the entry leaves out' }),
    request: z
      .string()
      .optional()
      .meta({ description: 'The id of the request that was cancelled, or forgotten' }),
  })
  .meta({ id: 'AuditEntry', description: 'One write of the configuration, or what was done to one request' });
export type AuditEntry = z.output<typeof auditEntrySchema>;

/** An entry with more changes would help nobody. */
const MOST_CHANGES = 1_000;

/** The changes of a write, without values that may be secret. */
export function* visibleChanges(before: ConfigState, after: ConfigState): Steps<ObjectChange[]> {
  const changes = (yield* diffDocuments(listsOf(before), listsOf(after))).map(maskSecrets);
  return [...changes, ...tokenChanges(before, after, changes)];
}

/** Header values that a route sets may be API keys of upstreams. */
function maskSecrets(change: ObjectChange): ObjectChange {
  if (change.kind !== 'route' || change.fields === undefined) return change;
  const mask = (value: unknown) => (value === null ? null : MASK);
  const fields = change.fields.map(([path, old, now]): [string, unknown, unknown] =>
    path.startsWith('setHeaders') ? [path, mask(old), mask(now)] : [path, old, now],
  );
  return { ...change, fields };
}

function tokenChanges(before: ConfigState, after: ConfigState, changes: ObjectChange[]): ObjectChange[] {
  const mentioned = new Set(changes.map(({ kind, name }) => `${kind} ${name}`));
  const describe = (tokens: readonly StoredToken[] = []) =>
    tokens.map(({ id, expiresAt }) => ({ id, expiresAt }));
  return OBJECT_KINDS.filter(isIdentity).flatMap((kind) => {
    const old = objectsOf(before, kind);
    return [...objectsOf(after, kind).values()].flatMap((object): ObjectChange[] => {
      const was = old.get(object.name);
      if (was === undefined || was === object || mentioned.has(`${kind} ${object.name}`)) return [];
      const [from, to] = [describe(was.tokens), describe(object.tokens)];
      if (JSON.stringify(from) === JSON.stringify(to)) return [];
      return [{ kind, name: object.name, change: 'changed', fields: [['tokens', from, to]] }];
    });
  });
}

export function auditEntry(
  entry: Omit<AuditEntry, 'changes'> & { changes: readonly ObjectChange[] },
): string {
  const { changes, ...rest } = entry;
  const more = changes.length - MOST_CHANGES;
  return JSON.stringify({ ...rest, changes: changes.slice(0, MOST_CHANGES), ...(more > 0 && { more }) });
}

/** An action on one request. */
export interface RequestNote {
  readonly actor: Actor;
  readonly action: 'cancel' | 'forget';
  readonly version: number;
  readonly request: string;
}

/** Logs an action that does not write the configuration. */
export async function noteRequest(client: Redis, note: RequestNote): Promise<void> {
  const entry = auditEntry({ at: new Date().toISOString(), ...note, changes: [] });
  await append(client, entry);
}

/** Logs the repair of a group. */
export async function noteRepair(
  client: Redis,
  { actor, version, group }: { actor: Actor; version: number; group: string },
): Promise<void> {
  const changes: ObjectChange[] = [{ kind: 'group', name: group, change: 'changed' }];
  const entry = { at: new Date().toISOString(), actor, action: 'repair', version, changes };
  await append(client, auditEntry(entry));
}

async function append(client: Redis, entry: string): Promise<void> {
  await client.xadd(CONFIG_KEYS.audit, 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'e', entry);
}

export interface AuditQuery {
  readonly limit: number;
  /** Id of the entry from which the page goes back in time. */
  readonly after?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
  readonly actor?: string | undefined;
}

export interface AuditPage {
  readonly items: (AuditEntry & { id: string })[];
  readonly next: string | null;
}

const CHUNK = 200;

/** Newest first. The stream is capped, so even a filter that matches nothing ends. */
export async function readAudit(client: Redis, query: AuditQuery): Promise<AuditPage> {
  const items: (AuditEntry & { id: string })[] = [];
  let from = query.after === undefined ? '+' : endBefore(query.after);
  for (;;) {
    const entries = await client.xrevrange(CONFIG_KEYS.audit, from, '-', 'COUNT', CHUNK);
    for (const [id, fields] of entries) {
      const parsed = auditEntrySchema.safeParse(parseJson(fields[1] ?? ''));
      if (!parsed.success || !matches(parsed.data, query)) continue;
      if (items.length === query.limit) return { items, next: items.at(-1)?.id ?? null };
      items.push({ id, ...parsed.data });
    }
    const last = entries.at(-1)?.[0];
    if (entries.length < CHUNK || last === undefined) return { items, next: null };
    from = `(${last}`;
  }
}

function matches({ actor, changes }: AuditEntry, query: AuditQuery): boolean {
  if (query.actor !== undefined && actor.name !== query.actor) return false;
  if (query.kind === undefined && query.name === undefined) return true;
  return changes.some(({ kind, name }) => kind === (query.kind ?? kind) && name === (query.name ?? name));
}
