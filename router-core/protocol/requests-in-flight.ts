import type { Redis } from 'ioredis';
import { groupKeys } from './keys.ts';
import { readLanes, redisNowMs } from './live-groups.ts';
import { requestStreams } from './request-streams.ts';
import { loadScript, runScript } from './scripts.ts';

const script = loadScript('list-requests');

/** A request that has no answer yet, as Redis knows it. */
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
  /** How long it has been in this place. */
  readonly sinceMs: number;
  /** ISO 8601. */
  readonly deadline: string;
}

export interface RequestQuery {
  /** In the order of the pages. */
  readonly groups: readonly string[];
  readonly limit: number;
  /** What `next` of the page before said. */
  readonly after?: string | undefined;
}

export interface RequestPage {
  readonly items: RequestInFlight[];
  readonly next: string | null;
}

/** `<group> <stream> <entry>`; a stream by its name in the group. None of these holds a blank. */
const CURSOR = /^([A-Za-z0-9._-]+) (\S+) (\d+-\d+)$/;

/** Undefined when the cursor is none of ours. */
export async function listRequests(client: Redis, query: RequestQuery): Promise<RequestPage | undefined> {
  const [, firstGroup = '', firstStream = '', firstEntry = '-'] = CURSOR.exec(query.after ?? '') ?? [];
  if (query.after !== undefined && firstGroup === '') return undefined;
  const nowMs = await redisNowMs(client);
  const groups = query.groups.filter((name) => name >= firstGroup);
  const lanes = await readLanes(client, groups);
  const items: RequestInFlight[] = [];
  for (const [i, group] of groups.entries()) {
    const { prefix } = groupKeys(group);
    const { waiting, lane } = requestStreams(groupKeys(group), lanes[i] ?? []);
    const streams = [...waiting, ...lane];
    const names = streams.map((stream) => stream.slice(prefix.length));
    const isFirst = group === firstGroup;
    // A lane that has gone since is one that holds nothing.
    const start = isFirst ? names.indexOf(firstStream) : 0;
    const wanted = query.limit - items.length;
    const args = [
      waiting.length + 1,
      Math.max(0, start) + 1,
      isFirst && start >= 0 ? firstEntry : '-',
      wanted,
    ];
    const rows = (await runScript(client, script, streams, args)) as string[];
    let last: string[] = [];
    for (let at = 0; at + 5 < rows.length; at += 6) {
      last = rows.slice(at, at + 6);
      items.push(requestOf({ group, stream: names[Number(last[0]) - 1] ?? '', row: last, nowMs }));
    }
    if (items.length < query.limit) continue;
    return { items, next: `${group} ${names[Number(last[0]) - 1] ?? ''} ${last[1] ?? ''}` };
  }
  return { items, next: null };
}

interface Row {
  readonly group: string;
  readonly stream: string;
  readonly row: readonly string[];
  readonly nowMs: number;
}

function requestOf({ group, stream, row, nowMs }: Row): RequestInFlight {
  const [, entry = '', meta = '', method = '', target = '', owner = ''] = row;
  const [id = '', attempt, , , hub = '', deadline] = meta.split(' ');
  return {
    id,
    group,
    state: stateOf(stream, owner),
    method,
    target,
    hub,
    instance: owner === '' ? null : owner,
    attempt: Number(attempt),
    sinceMs: Math.max(0, nowMs - Number(entry.split('-')[0])),
    deadline: new Date(Number(deadline) || 0).toISOString(),
  };
}

function stateOf(stream: string, owner: string): RequestInFlight['state'] {
  if (stream.startsWith('waiting')) return 'waiting';
  if (stream.startsWith('redelivery')) return 'redelivery';
  return owner === '' ? 'handed' : 'running';
}
