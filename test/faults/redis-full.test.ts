import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

test(
  'Redis is full: new requests get 503, what runs is answered, and then all is well',
  TIMEOUT,
  async () => {
    const world = await startWorld({ agents: 2, concurrency: 8 });
    const { record } = world;
    const running = await world.startClient({
      name: 'running',
      concurrency: 8,
      count: 8,
      requests: [
        { method: 'POST', workMs: 3_000, bodyBytes: 100 },
        { method: 'GET', replyBytes: 5_000, replyMs: 3_000 },
      ],
    });
    await world.waitForRunning(8);
    await withRedis(world.redis.url, async (client) => {
      // Less than what is in use: nothing that needs memory is taken any more.
      await client.config('SET', 'maxmemory', '1mb');
      const before = record.outcomes().length;
      await world.startClient({
        name: 'new',
        concurrency: 2,
        requests: [{ method: 'POST', bodyBytes: 100 }],
      });
      await waitFor(() => record.outcomes().length > before + 20, { what: 'refusals' });
      await running.done;
      // A moment later the heartbeats have had to do without memory, too.
      await sleep(world.leaseMs);
      expect(record.tally((id) => id.startsWith('new'))).toEqual({
        'answered 503 store-unavailable': expect.any(Number) as number,
      });
      await client.config('SET', 'maxmemory', '0');
    });
    await world.expectServing(3_000 + SLACK_MS);

    expect(record.tally((id) => id.startsWith('running'))).toEqual({ 'answered 200': 8 });
    await world.expectPromisesKept({ mayLog: /Redis refuses requests/ });
  },
);
