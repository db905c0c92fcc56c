import type { ChainableCommander, Redis } from 'ioredis';
import { z } from 'zod';
import { CONSUMER_GROUP, groupKeys } from '../scripts/keys.ts';
import { requestStreams } from '../scripts/request-streams.ts';

/** Agents write their reports themselves, so nothing in one is certain. */
const reportSchema = z.object({
  name: z.string().max(200),
  version: z.string().max(100),
  concurrency: z.number(),
  inFlight: z.number(),
  state: z.string().max(40),
  agent: z.string().max(100).optional(),
  token: z.string().max(40).optional(),
});

/** A live instance of a group. */
export interface LiveInstance {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  /** Its agent record and the id of its token, when it has one. */
  readonly agent: string | null;
  readonly tokenId: string | null;
  readonly version: string;
  /** Slots that it has, and those that the group lets it use. */
  readonly concurrency: number;
  readonly slots: number;
  readonly inFlight: number;
  /** ready, upstream-down, paused or draining. */
  readonly state: string;
}

/** What a group holds at one moment. */
export interface LiveGroup {
  readonly name: string;
  /** In line for a slot. */
  readonly waiting: number;
  /** Handed out and not yet pulled. */
  readonly queued: number;
  /** Pulled by an instance. */
  readonly running: number;
  /** Of all live instances. */
  readonly slots: number;
  /** Taken out of its concurrency. */
  readonly permits: number;
  readonly instances: readonly LiveInstance[];
}

/** Names of the lanes that each group has had. */
export async function readLanes(client: Redis, groups: readonly string[]): Promise<string[][]> {
  const pipeline = client.pipeline();
  for (const group of groups) pipeline.hkeys(groupKeys(group).lanes);
  const replies = await results(pipeline);
  return replies.map((lanes) => [...new Set(['0', ...(lanes as string[])])].sort());
}

/** Looks at groups of one server, all in one go. */
export async function readLiveGroups(client: Redis, names: readonly string[]): Promise<LiveGroup[]> {
  const [nowMs, lanes] = await Promise.all([redisNowMs(client), readLanes(client, names)]);
  const pipeline = client.pipeline();
  const sizes = names.map((name, i) => {
    const keys = groupKeys(name);
    const streams = requestStreams(keys, lanes[i] ?? []);
    for (const stream of [...streams.waiting, ...streams.lane]) pipeline.xlen(stream);
    // Refused while the lane has no consumer group: nobody was ever there.
    for (const stream of streams.lane) pipeline.xpending(stream, CONSUMER_GROUP);
    pipeline.zrangebyscore(keys.instances, nowMs, '+inf').hgetall(keys.reports).hgetall(keys.slots);
    pipeline.zcount(keys.permits, nowMs, '+inf');
    return { waiting: streams.waiting.length, lane: streams.lane.length };
  });
  const replies = await results(pipeline);
  return names.map((name, i) => {
    const { waiting, lane } = sizes[i] ?? { waiting: 0, lane: 0 };
    const [inLine, handed] = [replies.splice(0, waiting), replies.splice(0, lane)];
    const running = sum(replies.splice(0, lane).map((reply) => (reply as [number] | undefined)?.[0] ?? 0));
    const [live, reports, slots, permits] = replies.splice(0, 4) as [
      string[],
      ...[Record<string, string>, Record<string, string>],
      number,
    ];
    const instances = live.flatMap((id) => liveInstance(name, id, reports[id], slots[id]) ?? []);
    return {
      name,
      waiting: sum(inLine as number[]),
      queued: Math.max(0, sum(handed as number[]) - running),
      running,
      slots: sum(instances.map((instance) => instance.slots)),
      permits,
      instances,
    };
  });
}

/** Undefined where the server has refused a command. Rejects when the connection is lost. */
async function results(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error && !/^(NOGROUP|WRONGTYPE)\b/.test(error.message)) throw error;
    return error ? undefined : reply;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function liveInstance(
  group: string,
  id: string,
  report: string | undefined,
  slots: string | undefined,
): LiveInstance | undefined {
  const { data } = reportSchema.safeParse(parseJson(report));
  if (data === undefined) return undefined;
  const { agent = null, token: tokenId = null, ...rest } = data;
  // `<lane> <slots> <record>`
  const granted = Number(slots?.split(' ')[1] ?? 0);
  return { id, group, ...rest, agent, tokenId, slots: Number.isSafeInteger(granted) ? granted : 0 };
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

/** Redis's own time, ms. */
export async function redisNowMs(client: Redis): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
