import type { Redis } from 'ioredis';
import { loadScript, runScript } from '../connection/run-script.ts';
import { CONSUMER_GROUP, type GroupKeys } from '../scripts/keys.ts';
import { requestStreams } from '../scripts/request-streams.ts';

const list = loadScript('list-requests');

/** Entries and permits that one call looks at: Redis must never stand still for one group. */
const PIECE = 500;
/** Permits that one repair looks at. */
const MOST_PERMITS = 100_000;

export interface DropForeignOptions {
  readonly client: Redis;
  readonly keys: GroupKeys;
  readonly lanes: readonly string[];
  readonly hub: string;
  /** True when this hub has the request. */
  readonly knows: (id: string) => boolean;
  /** The live hubs, from keys that agents cannot write. */
  readonly liveHubs: () => Promise<ReadonlySet<string>>;
}

/**
 * Drops entries of a group that no hub has sent: entries in this hub's name that it does not know, entries of hubs that are
 * not alive, and entries that are no requests; then permits without an entry. Every hub does it, so no foreign entry is left.
 * Resolves with the number of entries and permits dropped.
 */
export async function dropForeign(options: DropForeignOptions): Promise<number> {
  const { client, keys } = options;
  // Read first: a permit that is taken later is left alone, and that of a request which moves on is written again by its
  // heartbeat.
  const permits = await readPermits(client, keys);
  const { waiting, lane } = requestStreams(keys, options.lanes);
  const streams = [...waiting, ...lane];
  const handed = new Set<string>();
  let dropped = 0;
  for (let number = 1, after = '-'; number <= streams.length;) {
    const args: (string | number)[] = [waiting.length + 1, number, after, PIECE];
    const rows = (await runScript(client, list, streams, args)) as string[];
    const live = await options.liveHubs();
    const foreign: { stream: string; entry: string }[] = [];
    for (let at = 0; at + 5 < rows.length; at += 6) {
      const [found = '', entry = '', meta = ''] = rows.slice(at, at + 3);
      [number, after] = [Number(found), entry];
      const stream = streams[number - 1] ?? '';
      if (isForeign(meta, live, options)) foreign.push({ stream, entry });
      else if (number > waiting.length) handed.add(meta.split(' ', 2).join(':'));
    }
    await drop(client, foreign);
    dropped += foreign.length;
    if (rows.length < 6 * PIECE) break;
  }
  const unused = permits.filter((permit) => !handed.has(permit));
  for (let at = 0; at < unused.length; at += PIECE) {
    await client.zrem(keys.permits, ...unused.slice(at, at + PIECE));
  }
  return dropped + unused.length;
}

function isForeign(meta: string, live: ReadonlySet<string>, { hub, knows }: DropForeignOptions): boolean {
  const [id = '', attempt, , , sender = '', ...rest] = meta.split(' ');
  if (rest.length !== 3 || !/^\d{1,5}$/.test(attempt ?? '') || !id.startsWith(`${sender}-`)) return true;
  return sender === hub ? !knows(id) : !live.has(sender);
}

async function readPermits(client: Redis, { permits }: GroupKeys): Promise<string[]> {
  const found: string[] = [];
  while (found.length < MOST_PERMITS) {
    const piece = await client.zrange(permits, String(found.length), String(found.length + 10 * PIECE - 1));
    found.push(...piece);
    if (piece.length < 10 * PIECE) break;
  }
  return found;
}

async function drop(client: Redis, entries: readonly { stream: string; entry: string }[]): Promise<void> {
  const byStream = new Map<string, string[]>();
  for (const { stream, entry } of entries) {
    const ids = byStream.get(stream);
    if (ids) ids.push(entry);
    else byStream.set(stream, [entry]);
  }
  for (const [stream, ids] of byStream) {
    await Promise.all([client.xack(stream, CONSUMER_GROUP, ...ids), client.xdel(stream, ...ids)]);
  }
}
