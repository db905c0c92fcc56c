import type { Redis } from 'ioredis';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import { groupKeys } from '../scripts/keys.ts';
import { LinkedRequests } from './linked-instances.ts';
import { readLanes, redisNowMs } from './live-groups.ts';
import { requestStreams } from '../scripts/request-streams.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { listOf, textOf, wholeOf } from '../connection/reply-shape.ts';
import { decodeMeta } from '../scripts/meta.ts';
import { isRelayLane } from '../scripts/lane-names.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { Store } from '../connection/store.ts';
import { callByNode, callStore } from '../connection/store-call.ts';
import { isEntryId } from '../scripts/times.ts';

const script = loadScript('list-requests');

/** A request without an answer, as Redis knows it. */
export interface RequestInFlight {
  readonly id: string;
  readonly group: string;
  /** redelivery: taken back from an agent, waits to run again. handed: on its way to an instance. */
  readonly state: 'redelivery' | 'waiting' | 'handed' | 'running';
  readonly method: string;
  /** Its first 1,000 bytes. */
  readonly target: string;
  readonly hub: string;
  readonly instance: string | null;
  readonly attempt: number;
  /** Time in this state, ms. */
  readonly sinceMs: number;
  /** ISO 8601. */
  readonly deadline: string;
}

export interface RequestQuery {
  /** In the order of the pages. */
  readonly groups: readonly string[];
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface RequestPage {
  readonly items: RequestInFlight[];
  readonly next: string | null;
  /** Groups that could not be read, because agents can write their keys. The others are complete nevertheless. */
  readonly errors?: GroupError[] | undefined;
}

export interface GroupError {
  readonly group: string;
  readonly message: string;
}

/** The error of Redis for the keys of one group. Throws any other error. */
export function groupError(group: string, error: unknown): GroupError {
  const cause = error instanceof StoreUnavailableError ? error.cause : undefined;
  if (!(cause instanceof Error) || !/^(WRONGTYPE|ERR)\b/.test(cause.message)) throw error;
  return { group, message: cause.message };
}

/** `<group> <stream> <entry>`; a stream by its name in the group. None of these contains a blank. */
const CURSOR = /^([A-Za-z0-9._-]+) (\S+) (\d+-\d+)$/;

/** The most characters of a method, a target or a name; list-requests.lua cuts them. */
const MOST_CHARS = 9_000;

/** The latest time of a Date. */
export const LATEST_MS = 8.64e15;

/** Entries contain bodies: Redis should not copy too many at once. */
const CHUNK = 100;

interface Place {
  /** Its name in the group. */
  readonly stream: string;
  /** The entry after which to begin; `-`: the first. */
  readonly entry: string;
}

/** Undefined when the cursor is not one of ours. */
export async function listRequests(store: Store, query: RequestQuery): Promise<RequestPage | undefined> {
  const [, firstGroup = '', stream = '', entry = ''] = CURSOR.exec(query.after ?? '') ?? [];
  if (query.after !== undefined && !isEntryId(entry)) return undefined;
  const groups = query.groups.filter((name) => name >= firstGroup);
  const looked = await callByNode(store, groups, lookAtGroups);
  const known = new Map(looked.flat());
  const items: RequestInFlight[] = [];
  const errors: GroupError[] = [];
  const page = (next: string | null) => ({ items, next, ...(errors.length > 0 && { errors }) });
  for (const group of groups) {
    const { lanes = [], nowMs = 0 } = known.get(group) ?? {};
    let place: Place | undefined = group === firstGroup ? { stream, entry } : { stream: '', entry: '-' };
    const linked = new LinkedRequests(group);
    while (place) {
      const wanted = Math.min(CHUNK, query.limit - items.length);
      const chunk: Chunk = { group, lanes, place, wanted, nowMs, linked };
      const found: Found = await callStore(store.at(group, 'commands'), (client) =>
        readChunk(client, chunk),
      ).catch((error: unknown) => {
        errors.push(groupError(group, error));
        return { items: [], next: undefined };
      });
      items.push(...found.items);
      place = found.next;
      if (place && items.length === query.limit) {
        return page(`${group} ${place.stream} ${place.entry}`);
      }
    }
  }
  return page(null);
}

interface LookedAt {
  readonly lanes: readonly string[];
  /** The time of its server, ms. */
  readonly nowMs: number;
}

/** Reads what a page needs to know about groups of one server. */
async function lookAtGroups(client: Redis, groups: readonly string[]): Promise<[string, LookedAt][]> {
  const [nowMs, lanes] = await Promise.all([redisNowMs(client), readLanes(client, groups)]);
  return groups.map((group, i) => [group, { lanes: lanes[i] ?? [], nowMs }]);
}

interface Chunk {
  readonly group: string;
  readonly lanes: readonly string[];
  readonly place: Place;
  readonly wanted: number;
  readonly nowMs: number;
  readonly linked: LinkedRequests;
}

interface Found {
  readonly items: RequestInFlight[];
  /** Undefined when there are no more in this group. */
  readonly next: Place | undefined;
}

async function readChunk(client: Redis, chunk: Chunk): Promise<Found> {
  const { group, lanes, place, wanted, nowMs, linked } = chunk;
  const keys = groupKeys(group);
  const { waiting, lane } = requestStreams(keys, lanes);
  const streams = [...waiting, ...lane];
  const names = streams.map((stream) => stream.slice(keys.prefix.length));
  const start = names.indexOf(place.stream);
  // A lane that has gone since counts as empty.
  const from = start < 0 ? [1, '-'] : [start + 1, place.entry];
  const rows = listOf(await runScript(client, script, streams, [waiting.length + 1, ...from, wanted]));
  const items: RequestInFlight[] = [];
  let next: Place | undefined;
  for (let at = 0; at + 5 < rows.length; at += 6) {
    const row = rows.slice(at, at + 6).map((each) => textOf(each, MOST_CHARS) ?? '');
    const stream = names[Number(row[0]) - 1] ?? '';
    const item = requestOf({ group, stream, row, nowMs });
    if (item) items.push(await withLinkedAgent(client, item, stream, linked));
    else badInput.note('row', `${keys.prefix}${stream}`);
    next = { stream, entry: row[1] ?? '-' };
  }
  return { items, next: rows.length === 6 * wanted ? next : undefined };
}

/** A relay pulls for the agents that are linked to it: the one that runs the request is named. */
async function withLinkedAgent(
  client: Redis,
  item: RequestInFlight,
  stream: string,
  linked: LinkedRequests,
): Promise<RequestInFlight> {
  const { id, instance: relay } = item;
  if (relay === null || !isRelayLane(stream.slice('lane:'.length))) return item;
  const instance = await linked.agentOf(client, relay, id);
  return instance === undefined ? item : { ...item, instance };
}

interface Row {
  readonly group: string;
  readonly stream: string;
  readonly row: readonly string[];
  readonly nowMs: number;
}

/** Undefined for an entry that is no request: agents may write into these streams. */
export function requestOf({ group, stream, row, nowMs }: Row): RequestInFlight | undefined {
  const [, entry = '', metaText = '', method = '', target = '', owner = ''] = row;
  const meta = decodeMeta(metaText);
  if (!meta) return undefined;
  const { id, attempt, hub, deadline } = meta;
  return {
    id,
    group,
    state: stateOf(stream, owner),
    method,
    target,
    hub,
    instance: owner === '' ? null : owner,
    attempt,
    sinceMs: Math.max(0, nowMs - (wholeOf(entry.split('-')[0]) ?? nowMs)),
    deadline: new Date(deadline).toISOString(),
  };
}

function stateOf(stream: string, owner: string): RequestInFlight['state'] {
  if (stream.startsWith('waiting')) return 'waiting';
  if (stream.startsWith('redelivery')) return 'redelivery';
  return owner === '' ? 'handed' : 'running';
}
