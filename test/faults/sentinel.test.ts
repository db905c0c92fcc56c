import { test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { hasClusters } from '../support/engine.ts';
import { watchedRedisHere } from '../support/sentinels.ts';
import { shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import { expectHonest, startUnderLoad } from './support/in-trouble.ts';

// Redis behind sentinels: when its master goes, its replica takes over and everybody goes there.

const SERVING_MS = 3_000 + SLACK_MS;

/** A frozen master looks well from far away: its sockets stay open. */
const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const;

test.skipIf(!hasClusters()).each(SIGNALS.slice(0, shortOrLong(1, 2)))(
  'the master gets %s under load: the replica serves, and no POST runs twice',
  TIMEOUT,
  async (signal) => {
    const redis = await watchedRedisHere();
    const world = await startUnderLoad({ redis: () => Promise.resolve(redis) });

    await redis.kill(signal);
    await redis.failedOver();
    await world.expectServing(SERVING_MS, 30);
    // Rings arrive at once: the doorbells have followed the new master.
    await sleep(500);
    await expectHonest(world);
  },
);
