import type { ChainableCommander, Redis } from 'ioredis';
import { z } from 'zod';
import { hardwareSchema, labelsSchema, type Hardware, type Labels } from '../../exchange/hardware.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { isServerError } from '../connection/connection.ts';
import { listOf, textOf, wholeOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { CONSUMER_GROUP, groupKeys } from '../scripts/keys.ts';
import { laneNames } from '../scripts/lane-names.ts';
import { requestStreams } from '../scripts/request-streams.ts';
import { parseJson } from '../../runtime/parse-json.ts';

/** Agents write their reports themselves, so nothing in one is certain. */
const reportSchema = z.object({
  name: z.string().max(200),
  version: z.string().max(100),
  concurrency: z.number(),
  inFlight: z.number(),
  state: z.string().max(40),
  reason: z.string().max(1_000).optional(),
  agent: z.string().max(100).optional(),
  token: z.string().max(40).optional(),
  // An instance is shown also when these cannot be read.
  labels: labelsSchema.optional().catch(undefined),
  hardware: hardwareSchema.optional().catch(undefined),
});

/** What an agent writes has half of that, with all its labels and GPUs. */
const MOST_REPORT_CHARS = 8_192;

/** A name of an agent, a dot and 8 digits. */
const MOST_NAME_CHARS = 255;

const measure = loadScript('measure-group');

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
  /** Why its upstream is down, as its agent says. */
  readonly reason: string | null;
  readonly labels: Labels;
  /** null: it does not tell. */
  readonly hardware: Hardware | null;
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

/** Names of the lanes that each group has had; undefined of a group whose keys hold more than anybody should read. */
export async function readLanes(client: Redis, groups: readonly string[]): Promise<(string[] | undefined)[]> {
  const isReadable = await Promise.all(groups.map((group) => isFit(client, group)));
  const pipeline = client.pipeline();
  groups.forEach((group, i) => isReadable[i] && pipeline.hkeys(groupKeys(group).lanes));
  const replies = pipeline.length > 0 ? await results(pipeline) : [];
  return groups.map((group, i) => {
    if (!isReadable[i]) return undefined;
    return [...new Set(['0', ...laneNames(replies.shift(), groupKeys(group).lanes)])].sort();
  });
}

/** Whether a group may be looked at: one of which nobody can be sure is as if it were empty, and no other notices. */
async function isFit(client: Redis, group: string): Promise<boolean> {
  const { lanes, slots, agentSlots, instances, reports, hubs } = groupKeys(group);
  try {
    return (
      (await runScript(client, measure, [lanes, slots, agentSlots, instances, reports, hubs], [])) === ''
    );
  } catch (error) {
    if (!isServerError(error)) throw error;
    return false;
  }
}

/** Looks at groups of one server, all in one go. */
export async function readLiveGroups(client: Redis, names: readonly string[]): Promise<LiveGroup[]> {
  const [nowMs, lanes] = await Promise.all([redisNowMs(client), readLanes(client, names)]);
  const pipeline = client.pipeline();
  const sizes = names.map((name, i) => {
    const known = lanes[i];
    if (!known) {
      badInput.note('row', groupKeys(name).lanes);
      return undefined;
    }
    const keys = groupKeys(name);
    const streams = requestStreams(keys, known);
    for (const stream of [...streams.waiting, ...streams.lane]) pipeline.xlen(stream);
    // Refused while the lane has no consumer group: nobody was ever there.
    for (const stream of streams.lane) pipeline.xpending(stream, CONSUMER_GROUP);
    pipeline.zrangebyscore(keys.instances, nowMs, '+inf').hgetall(keys.reports).hgetall(keys.slots);
    pipeline.zcount(keys.permits, nowMs, '+inf');
    return { waiting: streams.waiting.length, lane: streams.lane.length };
  });
  const replies = pipeline.length > 0 ? await results(pipeline) : [];
  return names.map((name, i) => {
    const { waiting, lane } = sizes[i] ?? { waiting: 0, lane: 0 };
    return liveGroup(name, sizes[i], sizes[i] ? replies.splice(0, waiting + 2 * lane + 4) : []);
  });
}

/** Replies in the order in which they were asked for; `size` is undefined of a group that nobody should read. */
function liveGroup(
  name: string,
  size: { waiting: number; lane: number } | undefined,
  replies: unknown[],
): LiveGroup {
  const { waiting: inLine, lane: lanes } = size ?? { waiting: 0, lane: 0 };
  const failed = replies.find((reply) => reply instanceof Error && !reply.message.startsWith('NOGROUP'));
  const sound = replies.map((reply) => (reply instanceof Error ? undefined : reply));
  const waiting = sum(sound.splice(0, inLine));
  const handed = sum(sound.splice(0, lanes));
  const running = sum(sound.splice(0, lanes).map((reply) => listOf(reply)[0]));
  const [live, reports, slots, permits] = sound;
  const rowOf = (rows: unknown, id: string) => (rows as Record<string, unknown> | undefined)?.[id];
  const instances = listOf(live).flatMap((id) => {
    if (typeof id !== 'string') return [];
    return liveInstance(name, id, rowOf(reports, id), rowOf(slots, id)) ?? [];
  });
  return {
    name,
    waiting,
    queued: Math.max(0, handed - running),
    running,
    slots: sum(instances.map((instance) => instance.slots)),
    permits: wholeOf(permits) ?? 0,
    instances,
    error: size
      ? ((failed as Error | undefined)?.message ?? null)
      : 'its keys hold more than the router writes',
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
  return numbers.reduce<number>((total, each) => total + (wholeOf(each) ?? 0), 0);
}

/** Undefined when the report is none. */
export function liveInstance(
  group: string,
  id: string,
  report: unknown,
  slots: unknown,
): LiveInstance | undefined {
  const { data } = reportSchema.safeParse(parseJson(textOf(report, MOST_REPORT_CHARS) ?? ''));
  if (data === undefined || id.length > MOST_NAME_CHARS) {
    badInput.note('report', groupKeys(group).reports);
    return undefined;
  }
  const { agent = null, token: tokenId = null, reason = null, labels = {}, hardware = null, ...rest } = data;
  // `<lane> <slots> <record>`
  const granted = wholeOf(textOf(slots, MOST_REPORT_CHARS)?.split(' ', 2)[1]) ?? 0;
  return { id, group, ...rest, agent, tokenId, slots: granted, reason, labels, hardware };
}

/** Redis's own time, ms. */
export async function redisNowMs(client: Redis): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
