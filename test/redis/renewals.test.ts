import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { groupKeys, type GroupKeys } from '../../router-core/redis/scripts/keys.ts';
import { Renewals, type Renewal } from '../../router-core/redis/agent/renewals.ts';
import { monitorCommands } from '../support/monitor.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const INSTANCES = 40;
const LEASE_MS = 1_500;

/** An agent whose instances have nothing to do, and what Redis is asked from now on. */
async function startQuiet(
  use: (here: { client: Redis; keys: GroupKeys; commands: readonly string[] }) => Promise<void>,
) {
  const redis = await redisHere();
  const keys = groupKeys(uniqueGroup());
  await withRedis(redis.url, async (client) => {
    await client.hset(keys.settings, 'lease', LEASE_MS);
    const upstream = await upstreamHere((_req, res) => res.end());
    await agentHere(redis.url, keys.group, Array<string>(INSTANCES).fill(upstream.url));
    // The first beats: one that joins, and one for the lanes that came after.
    await delay(LEASE_MS);
    await use({ client, keys, commands: await monitorCommands(redis.port) });
  });
}

const beats = (commands: readonly string[], keys: GroupKeys) =>
  commands.filter((line) => line.includes(` lua] "HSET" "${keys.reports}"`)).length;

test('instances with nothing to do are renewed together, and stay', async () => {
  await startQuiet(async ({ client, keys, commands }) => {
    await delay(2 * LEASE_MS);
    const renewed = commands.filter((line) => line.includes(`"ZADD" "${keys.instances}" "XX"`)).length;
    const calls = commands.filter((line) => /\] "evalsha"/i.test(line)).length;
    expect(beats(commands, keys)).toBe(0);
    expect(renewed).toBeGreaterThan(5 * INSTANCES);
    expect(calls).toBeLessThan(renewed / 2);
    expect(await client.zcount(keys.instances, Date.now(), '+inf')).toBe(INSTANCES);
  });
});

test('one that was taken for dead comes back with a beat of its own', async () => {
  await startQuiet(async ({ client, keys }) => {
    const [instance = ''] = await client.zrange(keys.instances, '0', '0');
    await client.zrem(keys.instances, instance);
    await client.hdel(keys.slots, instance);
    await client.hdel(keys.reports, instance);
    await waitFor(async () => (await client.zscore(keys.instances, instance)) !== null, {
      what: 'the instance to register',
    });
    expect(await client.hget(keys.slots, instance)).toMatch(/^\d+ \d+ -$/);
    expect(await client.hexists(keys.reports, instance)).toBe(1);
  });
});

test('all of them hear of new settings, although nobody rings', async () => {
  await startQuiet(async ({ client, keys, commands }) => {
    await client.hset(keys.settings, 'version', '7');
    await waitFor(() => beats(commands, keys) >= INSTANCES, { what: 'a beat of each', timeoutMs: LEASE_MS });
    await delay(LEASE_MS);
    expect(beats(commands, keys)).toBeLessThan(INSTANCES + 5);
  });
});

test('a connection from which nothing is heard holds up nobody but its own instance', async () => {
  const redis = await redisHere();
  const keys = groupKeys(uniqueGroup());
  const [silent, sound] = [new Redis(redis.url, { protocol: 2 }), new Redis(redis.url, { protocol: 2 })];
  onTestFinished(() => {
    silent.disconnect();
    sound.disconnect();
  });
  await sound.zadd(keys.instances, '1', 'first', '1', 'second');
  await silent.ping();
  silent.stream.pause();

  const renewals = new Renewals();
  const renew = (client: Redis, instance: string) => {
    const renewal: Renewal = { client, keys, version: '0', laneCount: 0, instance, patienceMs: 200 };
    return renewals.renew(renewal);
  };
  const startedAt = performance.now();
  // Neither is renewed as far as they hear: both beat, each on a connection of its own.
  expect(await Promise.all([renew(silent, 'first'), renew(sound, 'second')])).toEqual([undefined, undefined]);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(await renew(sound, 'second')).toMatchObject({ leaseMs: 6_000 });
});
