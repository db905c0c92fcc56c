import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { hasClusters } from '../support/engine.ts';
import { watchedRedisHere } from '../support/sentinels.ts';
import { shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

// Redis behind sentinels: when its master goes, its replica takes over and everybody goes there.

const SERVING_MS = 3_000 + SLACK_MS;

/** One of the answers that a client may get while Redis is in trouble, each with what it says of the execution. */
const HONEST = /^(answered 200|answered 50[234] [a-z-]+|broken (0|200))$/;

/** A frozen master looks well from far away: its sockets stay open. */
const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const;

test.skipIf(!hasClusters()).each(SIGNALS.slice(0, shortOrLong(1, 2)))(
  'the master gets %s under load: the replica serves, and no POST runs twice',
  TIMEOUT,
  async (signal) => {
    const redis = await watchedRedisHere();
    const world = await startWorld({
      ...{ redis: () => Promise.resolve(redis), hubs: 2, agents: 2, concurrency: 4, deadlineMs: 8_000 },
    });
    await world.startClient({
      concurrency: 10,
      requests: [
        { method: 'POST', weight: 3, workMs: [0, 30], bodyBytes: [0, 3_000], replyBytes: [0, 3_000] },
        { method: 'POST', workMs: [0, 30], bodyBytes: [70_000, 300_000], bodyMs: 20 },
        { method: 'GET', workMs: [0, 30], replyBytes: [0, 300_000], replyMs: 20 },
      ],
    });
    await world.expectServing(10_000, 30);

    await redis.kill(signal);
    await redis.failedOver();
    await world.expectServing(SERVING_MS, 30);
    // What is rung comes at once: the doorbells have gone to the new master, too.
    await sleep(500);
    await world.expectPromisesKept();
    expect(Object.keys(world.record.tally()).filter((kind) => !HONEST.test(kind))).toEqual([]);
  },
);
