import { expect, test } from 'vitest';
import { withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';
import type { World } from './support/world.ts';

// Clients leave while they wait for a slot, before the head, within the reply and within the upload.

const SLOTS = 12;
const FOR_EVER_MS = 30_000;

/** Starts clients that take every slot, and others that wait behind them; all of them leave. */
async function startLeaving(world: World) {
  const holders = await world.startClient({
    name: 'runs',
    concurrency: SLOTS,
    count: SLOTS,
    seed: 5,
    requests: [
      { method: 'GET', path: '/silent', workMs: FOR_EVER_MS, leaveAfterMs: [5_000, 5_500] },
      {
        method: 'GET',
        path: '/download',
        replyBytes: 400_000,
        replyMs: FOR_EVER_MS,
        leaveAfterMs: [5_000, 5_500],
      },
      {
        method: 'POST',
        path: '/upload',
        bodyBytes: 400_000,
        bodyMs: FOR_EVER_MS,
        leaveAfterMs: [5_000, 5_500],
      },
    ],
  });
  await world.waitForRunning(SLOTS);
  const waiters = await world.startClient({
    name: 'waits',
    concurrency: 10,
    count: 10,
    requests: [{ method: 'POST', bodyBytes: 100, leaveAfterMs: 300 }],
  });
  return { done: Promise.all([holders.done, waiters.done]) };
}

/** Fails unless every call was stopped within `limitMs` of its client's leaving, and nothing ran that waited. */
async function expectStopped({ record }: World, limitMs: number): Promise<void> {
  expect(record.tally()).toMatchObject({ 'left 0': expect.any(Number) as number });
  const leftAt = new Map(record.outcomes().map(({ id, at }) => [id, at]));
  const calls = record.executions();
  expect(calls.filter(({ id }) => id.startsWith('waits'))).toEqual([]);
  expect(calls).toHaveLength(SLOTS);
  const late = calls.map(({ id, end }) => (end?.at ?? Infinity) - (leftAt.get(id) ?? 0));
  expect(Math.max(...late)).toBeLessThan(limitMs);
}

test(
  'clients that leave stop their upstream calls at once, and nothing that waited runs',
  TIMEOUT,
  async () => {
    const world = await startWorld({ agents: 1, concurrency: SLOTS, leaseMs: 1_500 });
    const { done } = await startLeaving(world);
    await done;
    await waitFor(() => world.record.running().length === 0, { what: 'all calls to stop' });
    // Promised are 100 ms; the rest is for a machine that is busy with other things.
    await expectStopped(world, 100 + SLACK_MS / 3);
    await world.expectPromisesKept();
  },
);

test('while no doorbell gets through, calls stop within a heartbeat', TIMEOUT, async () => {
  const world = await startWorld({ agents: 1, concurrency: SLOTS, leaseMs: 1_500 });
  const { done } = await startLeaving(world);
  await withRedis(world.redis.url, async (client) => {
    // Subscribers come back by themselves: they are cut until every call has stopped.
    const timer = setInterval(() => void client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 5);
    try {
      await done;
      await waitFor(() => world.record.running().length === 0, { what: 'all calls to stop' });
    } finally {
      clearInterval(timer);
    }
  });
  await expectStopped(world, world.leaseMs / 3 + SLACK_MS / 3);
  await world.expectPromisesKept();
});
