import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { configure, configuredHub, LOG_ERROR, recordLog } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import type { RedisOptions, TestRedis } from '../support/redis.ts';
import { uniqueGroup, type TestHub, statusOf } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Hubs keep what they know of the configuration, whatever becomes of Redis.

/** A group behind `/served/*`, and an agent. Nothing is routed from anywhere else. */
async function start(options: RedisOptions = {}) {
  const redis = await redisHere(options);
  const group = uniqueGroup();
  const route = (name: string) => ({ name, match: { path: `/${name}/*` }, groups: [{ group }] });
  await configure(redis.url, {
    groups: [{ name: group, concurrency: 7, leaseMs: 1_500 }],
    routes: [route('served')],
  });
  const upstream = await upstreamHere((_req, res) => res.end('served'));
  await agentHere(redis.url, group, upstream.url);
  return { redis, group, route };
}

async function restartEmpty(redis: TestRedis): Promise<void> {
  await redis.kill('SIGKILL');
  await rm(join(redis.dir, 'dump.rdb'), { force: true });
  await redis.restart();
}

const statuses = (hubs: readonly TestHub[], path: string) =>
  Promise.all(hubs.map(async ({ url }) => (await ask(`${url}${path}`)).status));

/** Asks all hubs until all of them answer 200. */
function expectServing(hubs: readonly TestHub[], path: string, withinMs: number): Promise<unknown> {
  const served = async () => (await statuses(hubs, path)).every((status) => status === 200);
  return waitFor(served, { timeoutMs: withinMs, what: `all hubs to serve ${path}` });
}

test('Redis comes back empty: hubs go on with the last configuration, and take a later one', async () => {
  const { redis, group, route } = await start();
  const { log, lines } = recordLog();
  const hubs = [await configuredHub(redis.url, {}, log), await configuredHub(redis.url)];
  await expectServing(hubs, '/served/', 5_000);

  await restartEmpty(redis);
  await expectServing(hubs, '/served/', 5_000);
  // Not a fresh install's `default=/*`.
  expect(await statuses(hubs, '/elsewhere')).toEqual([404, 404]);
  const concurrency = () =>
    withRedis(redis.url, (client) => client.hget(`mr:{${group}}:settings`, 'concurrency'));
  await waitFor(async () => (await concurrency()) === '7', { what: 'the settings to be published again' });
  const losses = lines.filter(({ level, msg }) => level === LOG_ERROR && msg.includes('lost the conf'));
  expect(losses).toHaveLength(1);

  // Applied again: written on top of nothing, it is later than what the hubs have.
  await configure(redis.url, {
    groups: [{ name: group, concurrency: 8, leaseMs: 1_500 }],
    routes: [route('applied')],
  });
  await expectServing(hubs, '/applied/', 1_500);
  expect(await statuses(hubs, '/served/')).toEqual([404, 404]);
  await waitFor(async () => (await concurrency()) === '8', { what: 'the new settings to be published' });
});

test('somebody empties Redis under a running hub: the settings of its groups are there again', async () => {
  const { redis, group } = await start();
  const hubs = [await configuredHub(redis.url)];
  await expectServing(hubs, '/served/', 5_000);

  await withRedis(redis.url, async (client) => {
    await client.flushall();
    const concurrency = async () => (await client.hget(`mr:{${group}}:settings`, 'concurrency')) === '7';
    await waitFor(concurrency, { what: 'the settings to be published again' });
  });
});

test('Redis is away for a while: the last configuration serves on when it is back', async () => {
  const { redis, route } = await start({ appendOnly: true });
  const hubs = [await configuredHub(redis.url), await configuredHub(redis.url)];
  await expectServing(hubs, '/served/', 5_000);

  await redis.kill('SIGKILL');
  await waitFor(async () => (await statuses(hubs, '/served/')).every((status) => status === 503), {
    what: 'the hubs to notice',
  });
  // A request without a route needs no Redis.
  expect(await statuses(hubs, '/elsewhere')).toEqual([404, 404]);
  await redis.restart();

  await expectServing(hubs, '/served/', 5_000);
  await configure(redis.url, { routes: [route('added')] });
  await expectServing(hubs, '/added/', 1_500);
});

test('a hub that is started while Redis is away takes the configuration when it comes', async () => {
  const { redis } = await start({ appendOnly: true });
  await redis.kill('SIGKILL');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const starting = configuredHub(redis.url, { port });

  await waitFor(async () => (await statusOf(`${url}/_router/live`)) === 200, { what: 'the hub to listen' });
  expect(await statusOf(`${url}/_router/ready`)).toBe(503);
  expect((await ask(`${url}/served/`)).headers['router-error']).toBe('store-unavailable');
  await delay(300);
  await redis.restart();

  const hub = await starting;
  await expectServing([hub], '/served/', 5_000);
  expect(await statuses([hub], '/elsewhere')).toEqual([404]);
});
