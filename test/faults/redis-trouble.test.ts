import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { withRedis } from '../support/parts.ts';
import { createRandom, pickOne } from '../support/random.ts';
import { IS_LONG, shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import { expectHonest, startUnderLoad } from './support/in-trouble.ts';
import { startWorld } from './support/start-world.ts';

// Redis goes away, stands still or loses its data under load: every request has one outcome, no POST runs twice, and
// requests are served again within three seconds of Redis being there.

const SERVING_MS = 3_000 + SLACK_MS;

test('Redis is killed and comes back with its data', TIMEOUT, async () => {
  const world = await startUnderLoad({ redis: { appendOnly: true } });
  for (let round = 0; round < shortOrLong(1, 30); round++) {
    await world.redis.kill('SIGKILL');
    await sleep(500);
    await world.redis.restart();
    await world.expectServing(SERVING_MS);
  }
  await expectHonest(world);
});

test('Redis is killed and comes back empty', TIMEOUT, async () => {
  // A lost request holds its client until its deadline: soon enough for clients to be there when Redis is.
  const world = await startUnderLoad({ deadlineMs: 3_000 });
  for (let round = 0; round < shortOrLong(1, 30); round++) {
    await world.redis.kill('SIGKILL');
    await rm(join(world.redis.dir, 'dump.rdb'), { force: true });
    await sleep(500);
    await world.redis.restart();
    await world.expectServing(SERVING_MS);
  }
  await expectHonest(world);
});

test('Redis comes back empty: what runs is finished and answered', TIMEOUT, async () => {
  // Longer than a restart takes, and work for longer than two heartbeats.
  const world = await startWorld({ agents: 1, concurrency: 8, leaseMs: 6_000 });
  const client = await world.startClient({
    concurrency: 6,
    count: 6,
    requests: [{ method: 'POST', workMs: 6_000, bodyBytes: 100, replyBytes: 1_000 }],
  });
  await world.waitForRunning(6);
  // Their hub has to have heard that they were taken, or it asks again.
  await sleep(500);
  await world.redis.kill('SIGKILL');
  await world.redis.restart();
  await client.done;
  expect(world.record.tally()).toEqual({ 'answered 200': 6 });
  await world.expectPromisesKept();
});

test(
  'Redis loses half of an upload: its client gets an error, and its call does not run on',
  TIMEOUT,
  async () => {
    const world = await startWorld({ agents: 1, concurrency: 8, deadlineMs: 6_000 });
    const client = await world.startClient({
      concurrency: 4,
      count: 4,
      requests: [{ method: 'POST', bodyBytes: 1_000_000, bodyMs: 4_000 }],
    });
    await world.waitForRunning(4);
    await sleep(500);
    await world.redis.kill('SIGKILL');
    await world.redis.restart();
    await client.done;
    expect(Object.keys(world.record.tally())).not.toContain('answered 200');
    await world.expectPromisesKept();
  },
);

test(
  'Redis answers nobody for longer than a lease: nothing is lost, nothing runs twice',
  TIMEOUT,
  async () => {
    const world = await startUnderLoad({});
    await withRedis(world.redis.url, async (client) => {
      await client.call('CLIENT', 'PAUSE', shortOrLong(2_500, 10_000), 'ALL');
      await client.ping();
    });
    await world.expectServing(SERVING_MS);
    const kinds = await expectHonest(world);
    // A command that is not answered within 4 s ends its connection: what is longer has errors.
    if (!IS_LONG) expect(Object.keys(kinds)).toEqual(['answered 200']);
  },
);

test('lines to Redis die without a word', TIMEOUT, async () => {
  const world = await startUnderLoad({ proxied: true });
  const proxies = [...world.hubs, ...world.agents].map(({ proxy }) => proxy);
  for (const proxy of proxies) proxy.set({ halfOpen: true });
  await sleep(shortOrLong(5_000, 30_000));
  for (const proxy of proxies) proxy.set({ halfOpen: false });
  // One more time a dial that has begun before: it is given up after 4 s.
  await world.expectServing(4_000 + SERVING_MS);
  await expectHonest(world);
});

test('connections to Redis are reset behind any byte', TIMEOUT, async () => {
  const world = await startUnderLoad({ proxied: true });
  const random = createRandom(7);
  const parts = [...world.hubs, ...world.agents];
  for (let cut = 0; cut < shortOrLong(25, 500); cut++) {
    const { proxy } = pickOne(parts, random);
    await proxy.resetAfter(1 + Math.floor(random() ** 3 * 20_000));
  }
  await world.expectServing(SERVING_MS);
  await expectHonest(world);
});

test(
  'subscribers are cut again and again: only doorbells are lost, and nobody notices',
  TIMEOUT,
  async () => {
    const world = await startUnderLoad({});
    await withRedis(world.redis.url, async (client) => {
      let cut = 0;
      for (let round = 0; round < shortOrLong(10, 300); round++) {
        cut += Number(await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
        // Each cut hits whatever is under way at that moment.
        await sleep(20 + 37 * (round % 10));
      }
      expect(cut).toBeGreaterThan(10);
    });
    await world.expectServing(SERVING_MS);
    expect(Object.keys(await expectHonest(world))).toEqual(['answered 200']);
  },
);
