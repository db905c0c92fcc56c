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
  /** What Redis says of keys that are not as they must be: agents can write them. Numbers of those are 0. */
  readonly error: string | null;
}

/** Agents can write lanes, too: a group is shown by so many. */
const MOST_LANES = 2_000;

/** Names of the lanes that each group has had. */
export async function readLanes(client: Redis, groups: readonly string[]): Promise<string[][]> {
  const pipeline = client.pipeline();
  for (const group of groups) pipeline.hkeys(groupKeys(group).lanes);
  const replies = await results(pipeline);
  return replies.map((lanes) => {
    const names = lanes instanceof Error ? [] : (lanes as string[]);
    return [...new Set(['0', ...names.slice(0, MOST_LANES)])].sort();
  });
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
    return liveGroup(name, { inLine: waiting, lanes: lane }, replies.splice(0, waiting + 2 * lane + 4));
  });
}

/** In the order in which it was asked for. */
function liveGroup(
  name: string,
  { inLine, lanes }: { inLine: number; lanes: number },
  replies: unknown[],
): LiveGroup {
  const failed = replies.find((reply) => reply instanceof Error && !reply.message.startsWith('NOGROUP'));
  const sound = replies.map((reply) => (reply instanceof Error ? undefined : reply));
  const waiting = sum(sound.splice(0, inLine));
  const handed = sum(sound.splice(0, lanes));
  const running = sum(sound.splice(0, lanes).map((reply) => (reply as [number] | undefined)?.[0]));
  const [live = [], reports = {}, slots = {}, permits = 0] = sound as [
    string[]?,
    Record<string, string>?,
    Record<string, string>?,
    number?,
  ];
  const instances = live.flatMap((id) => liveInstance(name, id, reports[id], slots[id]) ?? []);
  return {
    name,
    waiting,
    queued: Math.max(0, handed - running),
    running,
    slots: sum(instances.map((instance) => instance.slots)),
    permits,
    instances,
    error: (failed as Error | undefined)?.message ?? null,
  };
}

/** Errors where the server has refused a command. Rejects when the connection is lost. */
async function results(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error && !/^(NOGROUP|WRONGTYPE)\b/.test(error.message)) throw error;
    return error ?? reply;
  });
}

function sum(numbers: readonly unknown[]): number {
  return numbers.reduce<number>((total, each) => total + (typeof each === 'number' ? each : 0), 0);
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
