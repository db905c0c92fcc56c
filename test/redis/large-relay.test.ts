import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { AgentExchange, PulledRequest } from '../../router-core/exchange/agent-link.ts';
import { encodeFrame } from '../../router-core/exchange/frames.ts';
import { encodeRequestHead } from '../../router-core/exchange/heads.ts';
import { loadedScripts } from '../../router-core/redis/connection/run-script.ts';
import { hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { relayHere, share } from './support/relay-here.ts';

const SLOTS = 20_000;
const RECORDS = 500;
/** Pulled, and never begun. */
const UNBEGUN = 3_000;
/** Long enough for all that is handed out again to be pulled within one, on a busy machine too. */
const LEASE_MS = 8_000;
/** No script may hold Redis up for longer. */
const MOST_MS = 5;

/** Its requests are awaited; it is no process. */
const HUB = 'h';

/** Puts requests into the line, as admit.lua does. */
async function fillLine(redis: Redis, line: string): Promise<void> {
  const head = encodeRequestHead({ method: 'GET', target: '/', upgrade: '', fields: '' });
  const deadline = Date.now() + 600_000;
  for (let at = 0; at < SLOTS; at += 500) {
    const pipeline = redis.pipeline();
    for (let i = at; i < at + 500; i++) {
      const id = `r${i}`;
      const payload = encodeFrame(id, 1, 0, { head, end: '' });
      pipeline.xadd(line, '*', `${id} 1 3 s ${HUB} ${deadline} ${deadline} -`, payload);
    }
    await pipeline.exec();
  }
}

/**
 * Scripts of which more than one call in twenty took longer than it may. Not each call counts: Redis does not always have a processor
 * to itself, and then even a GET takes some milliseconds.
 */
async function slowScripts(redis: Redis): Promise<string[]> {
  const rows = (await redis.slowlog('GET', 1_000)) as [number, number, number, string[]][];
  return loadedScripts.flatMap(({ name, sha, roundTrip }) => {
    const slow = rows.filter(([, , , args]) => args[1] === sha).map(([, , micros]) => micros / 1_000);
    return slow.length > callsOf(roundTrip) / 20 ? [`${name}: ${slow.join(', ')} ms`] : [];
  });
}

const callsOf = ({ counts }: { counts: readonly number[] }) => counts.reduce((sum, each) => sum + each, 0);

/** A group whose hub has as many requests in line as the relay will have slots. */
async function fullGroupHere() {
  const redis = await redisHere();
  const group = uniqueGroup();
  await hubHere(redis.url, group, { leaseMs: LEASE_MS, attempts: 3 });
  const key = (name: string) => `mr:{${group}}:${name}`;
  const client = new Redis(redis.url, { protocol: 2 });
  const sayThatHubLives = () => client.zadd(key('hubs'), Date.now() + LEASE_MS, HUB);
  const timer = setInterval(() => void sayThatHubLives(), 300);
  onTestFinished(() => {
    clearInterval(timer);
    client.disconnect();
  });
  await sayThatHubLives();
  await fillLine(client, key('waiting'));
  await client.config('SET', 'slowlog-log-slower-than', String(1_000 * MOST_MS));
  await client.config('SET', 'slowlog-max-len', '1000');
  await client.slowlog('RESET');
  return { redis, group, key, client };
}

test('a relay with 20,000 slots pulls, renews and settles as many, and no script call is long', async () => {
  const { redis, group, key, client } = await fullGroupHere();
  const each = SLOTS / RECORDS;
  const shares = Array.from({ length: RECORDS }, (_, i) => share(`r${i}`, each, each));
  const { link, offer } = await relayHere(redis.url, group, shares);
  const seen = new Set<string>();
  const exchanges: AgentExchange[] = [];
  const stops: string[] = [];
  let settled = 0;
  const open = (request: PulledRequest) => {
    const handlers = { onBody() {}, onBodyEnd() {}, onWritable() {}, onSettled: () => (settled += 1) };
    exchanges.push(link.open(request, { ...handlers, onStop: (why) => stops.push(why) }));
  };
  const take = (request: PulledRequest) => {
    seen.add(request.id);
    if (seen.size > UNBEGUN) open(request);
  };
  while (seen.size < SLOTS) await link.pull(SLOTS, take);
  expect(await client.xlen(key('lane:100000'))).toBe(SLOTS);
  expect(await client.xlen(key('waiting'))).toBe(0);

  // A change of slots, while all of them run.
  await offer(shares.slice(1));
  await offer(shares);
  // Requests that were begun are renewed; the others end with their lease, and are handed out again.
  const again: PulledRequest[] = [];
  while (again.length < UNBEGUN) await link.pull(SLOTS, (request) => again.push(request));
  expect(again.filter(({ attempt }) => attempt !== 2)).toEqual([]);
  expect(stops).toEqual([]);

  // Nobody knows of these any more but Redis.
  const pending = await link.stopPulling();
  expect(new Set(pending.map(({ id }) => id))).toEqual(new Set(again.map(({ id }) => id)));
  pending.forEach(open);
  for (const { reply } of exchanges) reply.close();
  await link.close(20_000);
  expect(settled).toBe(SLOTS);
  expect(await client.xlen(key('lane:100000'))).toBe(0);
  expect(await client.zcard(key('permits'))).toBe(0);
  expect(await slowScripts(client)).toEqual([]);
}, 120_000);
