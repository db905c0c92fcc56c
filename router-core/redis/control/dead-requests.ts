import type { Redis } from 'ioredis';
import { groupKeys } from '../scripts/keys.ts';
import type { Store } from '../connection/store.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { isServerError } from '../connection/connection.ts';
import { wholeOf } from '../connection/reply-shape.ts';
import { decodeMeta } from '../scripts/meta.ts';
import { callStore } from '../connection/store-call.ts';
import { endBefore, isEntryId } from '../scripts/times.ts';
import { groupError, LATEST_MS, type GroupError } from './requests-in-flight.ts';

/** A request that was given up after its last attempt. Each group keeps the last thousand or so. */
export interface DeadRequest {
  readonly id: string;
  readonly group: string;
  readonly method: string;
  /** The request target, its first 1,000 bytes. */
  readonly target: string;
  readonly attempts: number;
  /** The last instance that had the request. */
  readonly instance: string | null;
  readonly hub: string;
  readonly reason: string;
  /** The time when it was given up, ISO 8601. */
  readonly at: string;
}

export interface DeadQuery {
  readonly groups: readonly string[];
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface DeadPage {
  readonly items: DeadRequest[];
  readonly next: string | null;
  /** Groups whose list could not be read. */
  readonly errors?: GroupError[] | undefined;
}

/** `<group> <entry>` */
const CURSOR = /^([A-Za-z0-9._-]+) (\d+-\d+)$/;

/** Most groups have none, and in a page over all groups each has a few. */
const CHUNK = 50;

/** A thousand or so of a few kilobytes each. */
const MOST_BYTES = 32 * 1024 * 1024;

interface Entry {
  readonly group: string;
  readonly id: string;
  readonly fields: readonly string[];
}

/** Newest first; those of the same millisecond by the names of their groups. Undefined when the cursor is not one of ours. */
export async function listDead(
  store: Pick<Store, 'at'>,
  { groups, limit, after }: DeadQuery,
): Promise<DeadPage | undefined> {
  const [, lastGroup = '', last = ''] = CURSOR.exec(after ?? '') ?? [];
  if (after !== undefined && !isEntryId(last)) return undefined;
  const found: Entry[] = [];
  const errors: GroupError[] = [];
  const newestOf = (group: string, from: string) =>
    newest(store, group, from, limit + 1).catch((error: unknown) => {
      errors.push(groupError(group, error));
      return [];
    });
  for (let at = 0; at < groups.length; at += CHUNK) {
    const some = groups.slice(at, at + CHUNK);
    const from = (group: string) => {
      if (after === undefined) return '+';
      return group > lastGroup ? last : endBefore(last);
    };
    // One more than wanted shows if there is another page.
    const lists = await Promise.all(some.map((group) => newestOf(group, from(group))));
    found.push(...lists.flat());
    // The rest is dropped at once: a thousand groups may have a thousand each.
    found.sort(newestFirst).splice(limit + 1);
  }
  const page = found.slice(0, limit);
  const end = page.at(-1);
  return {
    items: page.map(deadRequest),
    next: end && found.length > limit ? `${end.group} ${end.id}` : null,
    ...(errors.length > 0 && { errors }),
  };
}

async function newest(
  store: Pick<Store, 'at'>,
  group: string,
  from: string,
  count: number,
): Promise<Entry[]> {
  const entries = await callStore(store.at(group, 'commands'), (client) =>
    readDead(client, group, [from, '-', 'COUNT', count]),
  );
  return entries.map(([id, fields]) => ({ group, id, fields }));
}

type Range = [start: string, end: string] | [start: string, end: string, 'COUNT', count: number];

/** Rejects when the key is no stream, or too large to be read: no other group should suffer. */
async function readDead(client: Redis, group: string, range: Range): Promise<[string, string[]][]> {
  const { dead } = groupKeys(group);
  try {
    if (((await client.memory('USAGE', dead, 'SAMPLES', 0)) ?? 0) > MOST_BYTES) {
      throw new Error(`ERR ${dead} holds more than the router writes`);
    }
    return await (range.length === 2 ? client.xrevrange(dead, ...range) : client.xrevrange(dead, ...range));
  } catch (error) {
    badInput.note('row', dead);
    throw error;
  }
}

function newestFirst(a: Entry, b: Entry): number {
  const [aMs = 0, aSeq = 0] = a.id.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.id.split('-').map(Number);
  return bMs - aMs || bSeq - aSeq || (a.group < b.group ? -1 : 1);
}

/** Removes a request from its group's list. False when it is not there. */
export async function forgetDead(client: Redis, group: string, id: string): Promise<boolean> {
  const { dead } = groupKeys(group);
  const entries = await readDead(client, group, ['+', '-']).catch((error: unknown) => {
    if (!isServerError(error)) throw error;
    return [];
  });
  const entry = entries.find(([, fields]) => fieldOf(fields, 'm').startsWith(`${id} `));
  return entry !== undefined && (await client.xdel(dead, entry[0])) === 1;
}

/** Agents can write here, too, so no entry can be trusted. */
export function deadRequest({ group, id: entry, fields }: Entry): DeadRequest {
  const { id = '', attempt = 0, hub = '' } = decodeMeta(fieldOf(fields, 'm')) ?? {};
  const instance = fieldOf(fields, 'instance');
  return {
    id,
    group,
    method: fieldOf(fields, 'method'),
    target: fieldOf(fields, 'target'),
    attempts: attempt,
    instance: instance === '' ? null : instance,
    hub,
    reason: fieldOf(fields, 'why'),
    at: new Date(wholeOf(entry.split('-')[0], LATEST_MS) ?? LATEST_MS).toISOString(),
  };
}

function fieldOf(fields: readonly string[], name: string): string {
  const at = fields.findIndex((field, i) => i % 2 === 0 && field === name);
  return (at < 0 ? undefined : fields[at + 1]) ?? '';
}
