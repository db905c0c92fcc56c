import { expect, test } from 'vitest';
import { agentProcess, withRedis } from '../support/parts.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { quantile } from '../support/quantile.ts';
import { uniqueGroup } from '../support/router.ts';
import { IS_LONG, shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

const SLOTS = 8;
const DEPTH = 24;
const WORK_MS = 200;

test(
  'ten times more than fits: a bounded line, quick refusals, and another group is undisturbed',
  TIMEOUT,
  async () => {
    const other = uniqueGroup();
    const hubFlags = ['--queue-depth', String(DEPTH), '--group', `${other}=/other/*`];
    const world = await startWorld({ agents: 1, concurrency: SLOTS, hubFlags });
    const { record, redis, group } = world;
    await agentProcess(redis.url, other, world.upstreamUrls[0] ?? '', {
      name: 'other',
      flags: ['--concurrency', '4', '--drain', '1s'],
    });
    const few = await world.startClient({
      name: 'few',
      concurrency: 2,
      keepAlive: true,
      requests: [{ method: 'GET', path: '/other', workMs: 10 }],
    });
    const many = await world.startClient({
      name: 'many',
      concurrency: SLOTS * 10,
      keepAlive: true,
      requests: [{ method: 'POST', workMs: WORK_MS, bodyBytes: 500 }],
    });

    let longest = 0;
    await withRedis(redis.url, async (client) => {
      for (let look = 0; look < shortOrLong(30, 3_000); look++) {
        longest = Math.max(longest, await client.xlen(`mr:{${group}}:waiting`));
        await sleep(100);
      }
    });
    await Promise.all([many.stop(), few.stop()]);

    expect(longest).toBe(DEPTH);
    const {
      'answered 200': accepted = 0,
      'answered 503 queue-full': refused = 0,
      ...rest
    } = record.tally((id) => id.startsWith('many'));
    expect(rest).toEqual({});
    expect(refused).toBeGreaterThan(accepted);
    const times = (status: number, name: string) =>
      record.times(({ id, ...outcome }) => id.startsWith(name) && outcome.status === status);
    // Promised are 50 ms; the load generator has the machine's other core.
    expect(quantile(times(503, 'many'), IS_LONG ? 0.99 : 0.9)).toBeLessThan(50 + (IS_LONG ? 0 : 150));
    // The line in front of it, and one call: four rounds of work.
    expect(quantile(times(200, 'many'), 0.99)).toBeLessThan((DEPTH / SLOTS + 1) * WORK_MS + SLACK_MS);
    expect(Object.keys(record.tally((id) => id.startsWith('few')))).toEqual(['answered 200']);
    expect(quantile(times(200, 'few'), 0.9)).toBeLessThan(WORK_MS);
    await world.expectPromisesKept({ limit: SLOTS + 2 });
  },
);
