import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A lane is read by 8 instances at most; whatever happens to them, no request is stranded in it.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Instance → `<lane> <slots> <record>`. */
function rows(group: string): Promise<Record<string, string>> {
  return withRedis(redis.url, (client) => client.hgetall(`mr:{${group}}:slots`));
}

/** How many instances each lane has. */
async function members(group: string): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const row of Object.values(await rows(group))) {
    const lane = row.split(' ')[0] ?? '';
    count[lane] = (count[lane] ?? 0) + 1;
  }
  return count;
}

/** An instance that is there and does nothing: it has slots in a lane of its own, and never pulls. */
function joinFrozen(group: string, lane: string, slots: number, aliveMs: number): Promise<unknown> {
  return withRedis(redis.url, (client) =>
    client
      .multi()
      .xgroup('CREATE', `mr:{${group}}:lane:${lane}`, 'agents', '0', 'MKSTREAM')
      .hset(`mr:{${group}}:slots`, 'frozen', `${lane} ${slots} -`)
      .hset(`mr:{${group}}:lanes`, lane, slots)
      .zadd(`mr:{${group}}:instances`, Date.now() + aliveMs, 'frozen')
      .exec(),
  );
}

/** Renews the leases of instances that do not run, as their heartbeats would. */
async function keepAlive<T>(group: string, instances: readonly string[], use: () => Promise<T>): Promise<T> {
  return withRedis(redis.url, async (client) => {
    const renew = () => {
      const expiries = instances.flatMap((instance) => [Date.now() + 1_000, instance]);
      void client.zadd(`mr:{${group}}:instances`, ...expiries).catch(() => undefined);
    };
    renew();
    const timer = setInterval(renew, 200);
    return use().finally(() => clearInterval(timer));
  });
}

test('instances fill lanes of 8, all of them work at once, and lanes that have emptied go', async () => {
  const group = uniqueGroup();
  const calls = countCalls((_req, res) => void delay(150).then(() => res.end('ok')));
  const upstream = await upstreamHere(calls.listener);
  const hub = await hubHere(redis.url, group);
  const few = await agentHere(redis.url, group, Array<string>(5).fill(upstream.url), { concurrency: 1 });
  expect(await members(group)).toEqual({ 0: 5 });
  const many = await startTestAgent(redis.url, group, Array<string>(15).fill(upstream.url), {
    drainMs: 600,
    concurrency: 1,
  });
  expect(await members(group)).toEqual({ 0: 8, 1: 8, 2: 4 });

  const askOften = async (count: number) => {
    const all = await Promise.all(Array.from({ length: count }, (_, i) => ask(`${hub.url}/${i}`)));
    expect(all.filter(({ status }) => status !== 200)).toEqual([]);
  };
  // Hubs hear of new lanes within a second.
  await waitFor(async () => askOften(60).then(() => calls.most >= 20), { what: 'all to work at once' });
  expect(calls.most).toBe(20);

  // They leave while requests run.
  const leaving = askOften(100);
  await many.close();
  await leaving;
  expect(await members(group)).toEqual({ 0: 5 });
  await waitFor(
    () => withRedis(redis.url, async (client) => (await client.hlen(`mr:{${group}}:lanes`)) === 1),
    { what: 'empty lanes to be gone' },
  );
  await askOften(20);
  await few.close();
  await expectNothingLeft(redis.url, group);
});

test('an instance joins the emptiest lane', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end());
  const first = await agentHere(redis.url, group, Array<string>(9).fill(upstream.url));
  expect(await members(group)).toEqual({ 0: 8, 1: 1 });
  await agentHere(redis.url, group, Array<string>(2).fill(upstream.url));
  expect(await members(group)).toEqual({ 0: 8, 1: 3 });
  await first.close();
  await agentHere(redis.url, group, upstream.url);
  expect(await members(group)).toEqual({ 1: 3 });
});

test('a request that nobody picks up moves to a lane with room within a second, and leaves its place', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const hub = await hubHere(redis.url, group, { groupConcurrency: 4 });
  await agentHere(redis.url, group, upstream.url, { concurrency: 1 });
  await joinFrozen(group, '1', 4, 1_000);
  let startedAt = 0;
  const answers = await keepAlive(group, ['frozen'], async () => {
    // Until it has heard of the lane, the hub gives it nothing.
    await delay(1_500);
    startedAt = performance.now();
    return Promise.all(Array.from({ length: 3 }, (_, i) => ask(`${hub.url}/${i}`)));
  });
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(250);
  expect(tookMs).toBeLessThan(4_000);
  await expectNothingLeft(redis.url, group);
});

test('what was handed to a lane that dies goes to the others', async () => {
  const group = uniqueGroup();
  const calls = countCalls((_req, res) => void delay(20).then(() => res.end('ok')));
  const upstream = await upstreamHere(calls.listener);
  const hub = await hubHere(redis.url, group);
  await joinFrozen(group, '1', 50, 2_500);
  await delay(1_500);
  // Nobody else is there yet: all of it stands in the lane that dies.
  const asked = Promise.all(Array.from({ length: 20 }, (_, i) => ask(`${hub.url}/${i}`, { method: 'POST' })));
  await agentHere(redis.url, group, upstream.url, { concurrency: 2 });
  expect((await asked).map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
  expect(calls.calls).toHaveLength(20);
  await waitFor(async () => !('frozen' in (await rows(group))), { what: 'the dead to be gone' });
});

test('consumers of the dead go from a large group too, those of a few lanes with each sweep', async () => {
  const group = uniqueGroup();
  const lanes = Array.from({ length: 20 }, (_, i) => `mr:{${group}}:lane:${i}`);
  await withRedis(redis.url, async (client) => {
    for (const [i, lane] of lanes.entries()) {
      await client.xgroup('CREATE', lane, 'agents', '0', 'MKSTREAM');
      await client.xgroup('CREATECONSUMER', lane, 'agents', 'dead');
      await client.hset(`mr:{${group}}:slots`, `alive-${i}`, `${i} 1 -`);
      await client.hset(`mr:{${group}}:lanes`, i, 1);
    }
  });
  const alive = lanes.map((_, i) => `alive-${i}`);
  const consumers = () =>
    withRedis(redis.url, async (client) => {
      const found = await Promise.all(lanes.map((lane) => client.xinfo('CONSUMERS', lane, 'agents')));
      return found.filter((each) => (each as unknown[]).length > 0).length;
    });
  // They count as gone a lease after they were last heard of.
  const left: number[] = [];
  await keepAlive(group, alive, async () => {
    await hubHere(redis.url, group);
    await waitFor(async () => left.push(await consumers()) && left.at(-1) === 0, {
      timeoutMs: 20_000,
      what: 'all to be gone',
    });
  });
  expect(Math.max(...left.slice(1).map((count, i) => (left[i] ?? 0) - count))).toBeLessThanOrEqual(8);
});
