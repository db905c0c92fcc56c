import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectNothingLeft, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { expectHonestOutcomes, expectServing, startUnderLoad } from '../support/redis-trouble.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test.each(['pubsub', 'normal'])(
  '%s connections cut again and again: every request gets one outcome',
  async (type) => {
    const troubled = await startUnderLoad(redis.url);

    await withRedis(redis.url, async (client) => {
      let cut = 0;
      for (let i = 0; i < 10; i++) {
        cut += Number(await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'));
        // Each cut hits whatever is under way at that moment.
        await delay(20 + 37 * i);
      }
      expect(cut).toBeGreaterThan(10);
    });

    await expectServing(troubled, 3_000);
    const kinds = await expectHonestOutcomes(troubled);
    // Only doorbells are lost with subscribers: that costs nobody an answer.
    if (type === 'pubsub') expect(Object.keys(kinds)).toEqual(['answered 200']);
    await expectNothingLeft(redis.url, troubled.group, 15_000);
  },
);
