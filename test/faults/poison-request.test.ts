import { expect, test } from 'vitest';
import { withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

const ATTEMPTS = 3;

test(
  'a request that kills every agent that takes it stops after its attempts, and is listed',
  TIMEOUT,
  async () => {
    const hubFlags = ['--attempts', String(ATTEMPTS)];
    const world = await startWorld({ agents: 4, concurrency: 4, leaseMs: 1_500, hubFlags });
    const { record, agents, group } = world;
    const others = await world.startClient({
      ...{ name: 'other', concurrency: 6 },
      requests: [{ method: 'GET', workMs: [5, 30], replyBytes: [0, 5_000] }],
    });
    const poison = await world.startClient({
      ...{ name: 'poison', concurrency: 1, count: 1 },
      requests: [{ method: 'GET', workMs: 30_000 }],
    });

    const attempts = () => record.executions().filter(({ id }) => id === 'poison-0');
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      await waitFor(() => attempts().length === attempt, { what: `attempt ${attempt}` });
      const taker = attempts().at(-1)?.agent;
      await agents.find(({ name }) => name === taker)?.kill();
    }
    await poison.done;

    expect(record.tally((id) => id === 'poison-0')).toEqual({ 'answered 502 attempts-exhausted': 1 });
    await withRedis(world.redis.url, async (client) => {
      const dead = await client.xrange(`mr:{${group}}:dead`, '-', '+');
      expect(dead).toHaveLength(1);
      // Field, value, field, value: what it was, and why it was given up.
      expect(dead[0]?.[1].join(' ')).toMatch(
        new RegExp(`^m \\S+ ${ATTEMPTS} ${ATTEMPTS} s .* why .*agent lost`),
      );
    });
    await world.expectServing(5_000);
    await others.stop();
    expect(Object.keys(record.tally((id) => id.startsWith('other')))).toEqual(['answered 200']);
    expect(attempts()).toHaveLength(ATTEMPTS);
    await world.expectPromisesKept();
  },
);
