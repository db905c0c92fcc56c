import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readScript } from '../../router-core/redis/connection/run-script.ts';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { agentUrl, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';
import { inPieces, metaOf } from './support/by-hand.ts';

// A stolen token may run every script that Redis knows, with anything: none keeps Redis busy, none leaves its group.

const SCRIPTS = readdirSync(join(packageFolder(), 'router-core/redis/scripts'))
  .filter((name) => name.endsWith('.lua'))
  .map((name) => name.slice(0, -'.lua'.length));

/** Far more than a script takes, and far less than a loop to a large number does. */
const LONG_MS = 2_000;
const ENTRIES = 20_000;

const keys = groupKeys('own');
let redis: GuardedRedis;
let url: string;

beforeAll(async () => {
  redis = await startGuardedRedis();
  const login = newLogin('own');
  await provision(redis, [login]);
  url = agentUrl(redis, login);
  await withRedis(redis.adminUrl, async (client) => {
    for (const name of SCRIPTS) await client.script('LOAD', readScript(name).source);
  });
  await withRedis(url, async (client) => {
    await inPieces(
      Array.from({ length: ENTRIES }, (_, i) => i),
      async (piece) => {
        const pipeline = client.pipeline();
        for (const i of piece) pipeline.xadd(keys.waiting, '*', metaOf({ id: `h-${i}`, hub: 'h' }), 'x');
        await pipeline.exec();
      },
    );
    await client.hset(keys.lanes, '0', '1000000000');
  });
}, 60_000);
afterAll(() => redis.stop());

async function timed(
  name: string,
  names: readonly string[],
  args: readonly (string | number)[],
): Promise<number> {
  const { sha } = readScript(name);
  const startedAt = performance.now();
  // The answer does not matter.
  await withRedis(url, (client) => client.evalsha(sha, names.length, ...names, ...args)).catch(
    () => undefined,
  );
  return performance.now() - startedAt;
}

const GROUP = [keys.waiting, keys.redelivery, keys.lanes, keys.permits, keys.settings, keys.hubs];
const HUGE = ['1e15', '-1e15', 'inf', '-inf', 'nan', '9007199254740993', '0x7fffffffffff'];

test.each(SCRIPTS)('%s with numbers that nothing stands behind', { timeout: 60_000 }, async (name) => {
  for (const number of HUGE) {
    for (const other of HUGE) {
      expect(await timed(name, GROUP, [number, other, number, other, number])).toBeLessThan(LONG_MS);
    }
    const many = Array.from({ length: 40 }, () => number);
    expect(await timed(name, [...GROUP, keys.lane('0'), ...GROUP], many)).toBeLessThan(LONG_MS);
    // Right so far: one lane, no scopes, then the script's own.
    expect(await timed(name, [...GROUP, keys.lane('0'), ...GROUP], [1, '0', 0, ...many])).toBeLessThan(
      LONG_MS,
    );
  }
});

test.each(SCRIPTS)('%s with one long line given a thousand times', { timeout: 60_000 }, async (name) => {
  const lanes = Array.from({ length: 1_000 }, (_, i) => String(i));
  const names = [
    ...GROUP,
    ...lanes.map(() => keys.waiting),
    keys.slots,
    keys.agentSlots,
    keys.instances,
    keys.reports,
  ];
  const args = [lanes.length, ...lanes, 0, 'nobody-1', '', 0, 'x', 1_000];
  expect(await timed(name, names, args)).toBeLessThan(LONG_MS);
});

test('a thousand requests asked for again read the line once', async () => {
  const down = Array.from({ length: 1_000 }, (_, i) => keys.down(`h-y${i}`, 1));
  const requests = down.flatMap((_key, i) => [`h-y${i}`, '1 1 s', '-', 1_000, 1_000, 1, 'x']);
  expect(
    await timed('admit', [...GROUP, keys.lane('0'), ...down], [1, '0', 0, 'h', 4_000, 1e6, '', ...requests]),
  ).toBeLessThan(LONG_MS);
});

test('slots without end: one call hands over a part', async () => {
  await withRedis(redis.adminUrl, (client) => client.hset(keys.lanes, '0', '1000000000'));
  const names = [...GROUP, keys.lane('0'), keys.slots, keys.agentSlots, keys.instances, keys.reports];
  const before = await withRedis(url, (client) => client.xlen(keys.lane('0')));
  expect(await timed('sweep', names, [1, '0', 0, 'h', 4_000])).toBeLessThan(LONG_MS);
  const after = await withRedis(url, (client) => client.xlen(keys.lane('0')));
  expect(after - before).toBeLessThan(5_000);
});
