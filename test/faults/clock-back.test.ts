import { afterAll, beforeAll, expect, test } from 'vitest';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { ask, startAsking } from '../support/ask.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The clock of Redis goes back by a minute: what it has written before lies a minute further ahead. (libfaketime and
// Redis's allocator do not get along, so the rows are moved instead of the clock.)

const LEASE_MS = 1_500;
const BACK_MS = 60_000;
/** A grace of one lease, then the lease of what was taken for alive, sweeps, and a slow machine. */
const MOST_MS = 2 * LEASE_MS + 3_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test(
  'what expires too late, the living and the dead, costs a lease and not a minute',
  { timeout: 30_000 },
  async () => {
    const group = uniqueGroup();
    const keys = groupKeys(group);
    const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, groupConcurrency: 2 });
    let release = () => {};
    const upstream = await upstreamHere((req, res) => {
      if (req.url === '/held') release = () => res.end('held');
      else res.end('ok');
    });
    await agentHere(redis.url, group, upstream.url, { concurrency: 2 });
    const held = startAsking(`${hub.url}/held`);
    await withRedis(redis.url, async (client) => {
      await waitFor(async () => (await client.zcard(keys.permits)) === 1, { what: 'the request to run' });
      const [seconds] = await client.time();
      const before = Number(seconds) * 1_000 + BACK_MS;
      // An instance, a hub and a permit of somebody who died just before.
      await client.zadd(keys.instances, before + LEASE_MS, 'dead.1');
      await client.hset(keys.slots, 'dead.1', '0 5 -');
      await client.hincrby(keys.lanes, '0', 5);
      await client.zadd(keys.hubs, before + LEASE_MS, 'dead');
      await client.zadd(keys.permits, before + 3 * LEASE_MS, 'dead-1:1');
      await client.hset(keys.settings, 'beat', before);
      const startedAt = performance.now();

      const isOver = async () => {
        const [instances, hubs, permits] = await Promise.all([
          client.zcard(keys.instances),
          client.zcount(keys.hubs, `${before - BACK_MS / 2}`, '+inf'),
          client.zscore(keys.permits, 'dead-1:1'),
        ]);
        return instances === 1 && hubs === 0 && permits === null;
      };
      // A permit lives three leases, so that an orphan is dealt with before.
      await waitFor(isOver, { timeoutMs: MOST_MS + 2 * LEASE_MS, what: 'the dead to be gone' });
      expect(performance.now() - startedAt).toBeLessThan(MOST_MS + 2 * LEASE_MS);
      expect(await client.hgetall(keys.lanes)).toEqual({ '0': '2' });
    });
    release();
    expect(await held.outcome).toMatchObject({ status: 200, body: 'held' });
    expect(await ask(hub.url)).toMatchObject({ status: 200, body: 'ok' });
    await expectNothingLeft(redis.url, group);
  },
);

test('no entry is idle for a clock that has gone back: each begins its lease anew, with whoever has it', async () => {
  const group = uniqueGroup();
  const keys = groupKeys(group);
  await withRedis(redis.url, async (client) => {
    const lane = keys.lane('0');
    await client.xgroup('CREATE', lane, 'agents', '0', 'MKSTREAM');
    const entry = (await client.xadd(lane, '*', 'x-1 1 1 - x 1 1 -', 'x')) ?? '';
    await client.xreadgroup('GROUP', 'agents', 'dead.1', 'STREAMS', lane, '>');
    await client.xclaim(lane, 'agents', 'dead.1', 0, entry, 'IDLE', LEASE_MS / 2, 'JUSTID');
    const [seconds] = await client.time();
    await client.hset(keys.settings, 'lease', 3_600_000, 'beat', Number(seconds) * 1_000 + 2 * 3_600_000);
    await hubHere(redis.url, group, { leaseMs: 3_600_000 });
    const pending = async () =>
      (await client.xpending(lane, 'agents', '-', '+', 10)) as [string, string, number][];
    await waitFor(async () => ((await pending())[0]?.[2] ?? LEASE_MS) < LEASE_MS / 2, {
      what: 'a new lease',
    });
    expect((await pending())[0]?.[1]).toBe('dead.1');
    expect(await client.hget(keys.settings, 'rewound')).toBeNull();
    const { grace } = await client.hgetall(keys.settings);
    expect(Number(grace)).toBeLessThan(Number(seconds) * 1_000 + 3_600_000 + 10_000);
  });
});
