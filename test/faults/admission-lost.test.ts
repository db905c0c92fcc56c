import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withRedis } from '../support/parts.ts';
import { TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

test(
  'Redis loses an admission whose answer was on its way: what runs already is not run again',
  TIMEOUT,
  async () => {
    const world = await startWorld({
      agents: 1,
      concurrency: 8,
      proxied: true,
      deadlineMs: 8_000,
      leaseMs: 2_000,
    });
    const proxy = world.hubs[0]?.proxy;
    // The hub's first sweep tells it what Redis holds.
    await delay(1_500);
    proxy?.set({ latencyMs: 400 });
    const client = await world.startClient({
      concurrency: 1,
      count: 1,
      requests: [{ method: 'POST', workMs: 1_500, bodyBytes: 100 }],
    });
    await world.waitForRunning(1);
    await withRedis(world.redis.url, (redis) => redis.flushall());
    proxy?.set({ latencyMs: 0 });
    proxy?.reset();
    await client.done;
    expect(world.record.tally()).toEqual({ 'answered 503 store-lost': 1 });
    await world.expectPromisesKept();
  },
);
