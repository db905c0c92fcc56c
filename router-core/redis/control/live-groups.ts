import type { ChainableCommander, Redis } from 'ioredis';
import { badInput } from '../../runtime/bad-input.ts';
import { instanceOfRow } from '../agent/record-parts.ts';
import { isServerError } from '../connection/connection.ts';
import { listOf, wholeOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { CONSUMER_GROUP, groupKeys } from '../scripts/keys.ts';
import { laneNames } from '../scripts/lane-names.ts';
import { readLinkedAgents } from './linked-instances.ts';
import { linkedInstance, liveInstance, slotsOfRows, type LiveInstance } from './live-instance.ts';
import { requestStreams } from '../scripts/request-streams.ts';

const measure = loadScript('measure-group');

/** The state of a group at one moment. */
export interface LiveGroup {
  readonly name: string;
  /** In line for a slot. */
  readonly waiting: number;
  /** Handed out and not yet pulled. */
  readonly queued: number;
  /** Pulled by an instance. */
  readonly running: number;
  /** Slots of all live instances. */
  readonly slots: number;
  /** Permits taken from its concurrency. */
  readonly permits: number;
  readonly instances: readonly LiveInstance[];
  /** The error of Redis for keys of a wrong type, which agents can write. The numbers of such a group are 0. */
  readonly error: string | null;
}

/** The names of all lanes of each group; undefined for a group whose keys are too large to be read. */
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

/** True when the group's keys are small enough to be read. A group that is not counts as empty, and no other one suffers. */
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

/** Reads groups of one server in one round trip. */
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
    // Refused while the lane has no consumer group: no instance was ever there.
    for (const stream of streams.lane) pipeline.xpending(stream, CONSUMER_GROUP);
    pipeline.zrangebyscore(keys.instances, nowMs, '+inf').hgetall(keys.reports).hgetall(keys.slots);
    pipeline.zcount(keys.permits, nowMs, '+inf');
    return { waiting: streams.waiting.length, lane: streams.lane.length };
  });
  const replies = pipeline.length > 0 ? await results(pipeline) : [];
  const groups = names.map((name, i) => {
    const { waiting, lane } = sizes[i] ?? { waiting: 0, lane: 0 };
    return liveGroup(name, sizes[i], sizes[i] ? replies.splice(0, waiting + 2 * lane + 4) : []);
  });
  return Promise.all(groups.map((group) => withLinkedAgents(client, group)));
}

/** `relays` are not among its instances yet, nor are their agents. */
type ReadGroup = LiveGroup & { readonly relays: readonly LiveInstance[] };

/** Shows the agents behind each relay instead of the relay. The sums stay: the relay's slots, and what it runs, are theirs. */
async function withLinkedAgents(client: Redis, { relays, ...group }: ReadGroup): Promise<LiveGroup> {
  const shown = await Promise.all(
    relays.map(async (relay) => {
      const linked = await readLinkedAgents(client, group.name, relay.id);
      if (linked.length > 0) return linked.map((report) => linkedInstance(group.name, report));
      // It has agents and has not shown them yet, or what it has shown was lost.
      return relay.concurrency > 0 ? [relay] : [];
    }),
  );
  return { ...group, instances: [...group.instances, ...shown.flat()] };
}

/** Expects the replies in the order of the commands; `size` is undefined for a group that must not be read. */
function liveGroup(
  name: string,
  size: { waiting: number; lane: number } | undefined,
  replies: unknown[],
): ReadGroup {
  const { waiting: inLine, lane: lanes } = size ?? { waiting: 0, lane: 0 };
  const failed = replies.find((reply) => reply instanceof Error && !reply.message.startsWith('NOGROUP'));
  const sound = replies.map((reply) => (reply instanceof Error ? undefined : reply));
  const waiting = sum(sound.splice(0, inLine));
  const handed = sum(sound.splice(0, lanes));
  const running = sum(sound.splice(0, lanes).map((reply) => listOf(reply)[0]));
  const [live, reports, slots, permits] = sound;
  const rowOf = (rows: unknown, id: string) => (rows as Record<string, unknown> | undefined)?.[id];
  const slotsOf = slotsOfRows(slots);
  const found = listOf(live).flatMap((id) => {
    if (typeof id !== 'string' || instanceOfRow(id) !== id) return [];
    return liveInstance(name, id, rowOf(reports, id), slotsOf.get(id) ?? 0) ?? [];
  });
  return {
    name,
    waiting,
    queued: Math.max(0, handed - running),
    running,
    slots: sum(found.map(({ instance }) => instance.slots)),
    permits: wholeOf(permits) ?? 0,
    instances: found.flatMap(({ isRelay, instance }) => (isRelay ? [] : instance)),
    relays: found.flatMap(({ isRelay, instance }) => (isRelay ? instance : [])),
    error: size
      ? ((failed as Error | undefined)?.message ?? null)
      : 'its keys hold more than the router writes',
  };
}

/** Contains an error for each command that the server has refused. Rejects when the connection is lost. */
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

/** Redis's own time, ms. */
export async function redisNowMs(client: Redis): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
