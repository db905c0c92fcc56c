import { expect, test } from 'vitest';
import { clockMs } from './programs/history.ts';
import { shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

test(
  'a hub is killed within replies and uploads: their calls stop, the other hub goes on',
  TIMEOUT,
  async () => {
    const world = await startWorld({ hubs: 2, agents: 2, concurrency: 16, deadlineMs: 60_000 });
    const { hubs, hubUrls, record, leaseMs } = world;
    const [doomed = '', other = ''] = hubUrls;
    const others = await world.startClient({
      name: 'other',
      concurrency: 4,
      hubs: [other],
      requests: [
        { method: 'POST', workMs: [0, 50], bodyBytes: [0, 100_000] },
        { method: 'GET', replyBytes: 100_000, replyMs: 50 },
      ],
    });
    for (let round = 1; round <= shortOrLong(2, 60); round++) {
      const name = `doomed-${round}`;
      const client = await world.startClient({
        name,
        concurrency: 12,
        count: 12,
        seed: round,
        hubs: [doomed],
        requests: [
          { method: 'GET', replyBytes: 400_000, replyMs: 30_000 },
          { method: 'POST', bodyBytes: 400_000, bodyMs: 30_000 },
          { method: 'POST', workMs: 30_000 },
        ],
      });
      await world.waitForRunning(12, ({ id }) => id.startsWith(name));
      const killedAt = clockMs();
      await hubs[0]?.kill();
      await client.done;
      await world.waitForRunning(0, ({ id }) => id.startsWith(name));

      const calls = record.executions().filter(({ id }) => id.startsWith(name));
      const lastAt = Math.max(...calls.map(({ end }) => end?.at ?? Infinity));
      expect(lastAt - killedAt).toBeLessThan(leaseMs + SLACK_MS);
      await hubs[0]?.start();
    }
    await others.stop();
    const kinds = record.tally((id) => id.startsWith('other'));
    expect(Object.keys(kinds)).toEqual(['answered 200']);
    await world.expectPromisesKept();
  },
);
