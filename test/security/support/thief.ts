import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { encodeFrame, type FrameParts } from '../../../router-core/exchange/frames.ts';
import { groupKeys, type GroupKeys } from '../../../router-core/redis/scripts/keys.ts';
import { agentUrl, newLogin, provision, type GuardedRedis } from '../../support/agent-logins.ts';
import type { TestLogin } from '../../support/agent-logins.ts';
import { decodeStolen, type StolenRequest } from './stolen-request.ts';

export interface ThiefOptions {
  /** Other logins that there are to be: those of honest agents. */
  readonly others?: readonly TestLogin[];
  /** How long its rows live without another beat, ms. */
  readonly leaseMs?: number;
}

/**
 * Somebody who has stolen the token of an agent: all that is done here goes through that login, by commands that it may
 * send itself, without a line of the agent's own code.
 */
export interface Thief {
  readonly login: TestLogin;
  /** The Redis URL with the stolen token. */
  readonly url: string;
  readonly client: Redis;
  /** Keys of the group that the token is for. */
  readonly keys: GroupKeys;
  /** Its name among the instances of the group. */
  readonly instance: string;
  /** Registers as an instance of a lane with so many slots, and stays registered until the test ends. */
  join(slots?: number, lane?: string): Promise<void>;
  /** Pulls requests of its group; none after `blockMs`. */
  pull(count?: number, blockMs?: number): Promise<StolenRequest[]>;
  /** Appends the frames of a reply, one after the other, from this sequence number on, and rings the hub with each. */
  reply(request: StolenRequest, frames: readonly FrameParts[], fromSeq?: number): Promise<void>;
  /** Appends these bytes as a frame of the reply and rings the hub with them. */
  replyRaw(request: StolenRequest, seq: number, frame: Buffer): Promise<void>;
  /** Takes a request off its lane and gives its permit back. */
  settle(request: StolenRequest): Promise<void>;
  /** Rings a doorbell. Resolves with the number of those who have heard it. */
  ring(channel: string, message: Buffer | string): Promise<number>;
}

/** A thief in this group. Ends with the test. */
export async function thiefHere(
  redis: GuardedRedis,
  group: string,
  { others = [], leaseMs = 1_500 }: ThiefOptions = {},
): Promise<Thief> {
  const login = newLogin(group);
  await provision(redis, [login, ...others]);
  return thiefWith(agentUrl(redis, login), login, leaseMs);
}

/** A thief with a login that is there already, as router-api has made it. Ends with the test. */
export function thiefWith(url: string, login: TestLogin, leaseMs = 1_500): Thief {
  const keys = groupKeys(login.group);
  // In small letters, and without what a client says of itself: the login may do nothing else.
  const client = new Redis(url, { protocol: 2, disableClientInfo: true, enableReadyCheck: false });
  client.on('error', () => undefined);
  const instance = `thief.${randomBytes(4).toString('hex')}`;
  const timers: NodeJS.Timeout[] = [];
  onTestFinished(() => {
    for (const timer of timers) clearInterval(timer);
    client.disconnect();
  });
  let lane = '0';

  const beat = async () => {
    const [seconds] = await client.time();
    await client.zadd(keys.instances, Number(seconds) * 1_000 + leaseMs + 999, instance);
  };
  const replyRaw = async ({ id, attempt, hub }: StolenRequest, seq: number, frame: Buffer) => {
    const down = keys.down(id, attempt);
    await client.xadd(down, `${seq}-0`, 'f', frame);
    await client.pexpire(down, 10_000);
    await client.spublish(keys.hubChannel(hub), frame);
  };

  return {
    login,
    url,
    client,
    keys,
    instance,
    replyRaw,
    async join(slots = 8, wanted = '0') {
      lane = wanted;
      await client.xgroup('CREATE', keys.lane(lane), 'agents', '0', 'MKSTREAM').catch(() => undefined);
      const report = { name: 'thief', version: '0', concurrency: slots, inFlight: 0, state: 'ready' };
      await client.hset(keys.reports, instance, JSON.stringify(report));
      await client.hset(keys.slots, instance, `${lane} ${slots} -`);
      await client.hincrby(keys.lanes, lane, slots);
      await beat();
      timers.push(setInterval(() => void beat().catch(() => undefined), leaseMs / 4));
    },
    async pull(count = 1, blockMs = 2_000) {
      const read = (await client.callBuffer(
        'xreadgroup',
        ...['GROUP', 'agents', instance, 'COUNT', count, 'BLOCK', blockMs, 'STREAMS', keys.lane(lane), '>'],
      )) as [Buffer, [Buffer, Buffer[]][]][] | null;
      return (read?.[0]?.[1] ?? []).flatMap((entry) => decodeStolen(entry, lane) ?? []);
    },
    async reply(request, frames, fromSeq = 1) {
      for (const [i, parts] of frames.entries()) {
        const frame = encodeFrame(request.id, request.attempt, fromSeq + i, parts);
        await replyRaw(request, fromSeq + i, frame);
      }
    },
    async settle({ id, attempt, lane: its, entry }) {
      await client.xack(keys.lane(its), 'agents', entry);
      await client.xdel(keys.lane(its), entry);
      await client.zrem(keys.permits, `${id}:${attempt}`);
    },
    ring: async (channel, message) => Number(await client.spublish(channel, message)),
  };
}
