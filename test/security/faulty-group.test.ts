import { expect, test } from 'vitest';
import type { Redis } from 'ioredis';
import { ask } from '../support/ask.ts';
import { configure, configuredHub, recordLog } from '../support/config.ts';
import { scrapeSources } from '../support/metrics.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { quantile } from '../support/quantile.ts';
import { waitFor } from '../support/wait.ts';
import { inPieces } from './support/by-hand.ts';

// A thief in group beta fills its keys; group alpha is at the same hub and must not notice.

const MIB = 1024 * 1024;

async function twoGroups() {
  const { url } = await redisHere();
  await configure(url, {
    groups: [
      { name: 'alpha', leaseMs: 1_500 },
      { name: 'beta', leaseMs: 1_500 },
    ],
    routes: ['alpha', 'beta'].map((name) => ({
      name,
      match: { path: `/${name}/*` },
      groups: [{ group: name }],
      auth: 'none' as const,
    })),
  });
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const { log, lines } = recordLog();
  const hub = await configuredHub(url, {}, log);
  for (const group of ['alpha', 'beta']) await agentHere(url, group, upstream.url);
  for (const group of ['alpha', 'beta']) {
    await waitFor(async () => (await ask(`${hub.url}/${group}/`)).status === 200, {
      what: `${group} to answer`,
    });
  }
  const errorOf = async (group: string) => (await ask(`${hub.url}/${group}/`)).headers['router-error'];
  const isFaulty = async () =>
    (await scrapeSources(hub.metrics)).sum('mini_router_hub_group_faulty', { group: 'beta' }) === 1;
  return { url, hub, lines, errorOf, isFaulty };
}

const GHOSTS = 20_000;

/** One command for each of many names. */
const forEach = (redis: Redis, of: (name: string) => string[]) =>
  inPieces(
    Array.from({ length: GHOSTS }, (_each, i) => of(`ghost.${i}`)),
    (piece) => redis.pipeline([...piece]).exec(),
  );

const POISON: [
  what: string,
  put: (redis: Redis) => Promise<unknown>,
  take: (redis: Redis) => Promise<unknown>,
][] = [
  [
    '8,000 lanes',
    (redis) =>
      redis.hset(
        'mr:{beta}:lanes',
        Object.fromEntries(Array.from({ length: 8_000 }, (_each, i) => [`${i + 9}`, 1])),
      ),
    (redis) => redis.hdel('mr:{beta}:lanes', ...Array.from({ length: 8_000 }, (_each, i) => `${i + 9}`)),
  ],
  [
    'one lane with a name of 8 MiB',
    (redis) => redis.hset('mr:{beta}:lanes', 'x'.repeat(8 * MIB), 1),
    (redis) => redis.hdel('mr:{beta}:lanes', 'x'.repeat(8 * MIB)),
  ],
  [
    'reports of 100 MiB',
    (redis) => redis.hset('mr:{beta}:reports', 'x', 'x'.repeat(100 * MIB)),
    (redis) => redis.hdel('mr:{beta}:reports', 'x'),
  ],
  [
    'a lane’s slots that are no number',
    (redis) => redis.hset('mr:{beta}:lanes', '0', 'abc'),
    (redis) => redis.hset('mr:{beta}:lanes', '0', '8'),
  ],
  [
    'a lane of 20,000 consumers',
    (redis) => forEach(redis, (name) => ['xgroup', 'CREATECONSUMER', 'mr:{beta}:lane:0', 'agents', name]),
    (redis) => forEach(redis, (name) => ['xgroup', 'DELCONSUMER', 'mr:{beta}:lane:0', 'agents', name]),
  ],
  [
    'a lane of 20,000 consumer groups',
    (redis) => forEach(redis, (name) => ['xgroup', 'CREATE', 'mr:{beta}:lane:0', name, '0']),
    (redis) => forEach(redis, (name) => ['xgroup', 'DESTROY', 'mr:{beta}:lane:0', name]),
  ],
  [
    'hubs that are a text',
    async (redis) => {
      await redis.del('mr:{beta}:hubs');
      await redis.set('mr:{beta}:hubs', 'x');
    },
    (redis) => redis.del('mr:{beta}:hubs'),
  ],
];

test.each(POISON)(
  'a group with %s is not served until that is gone, and no other notices',
  async (_what, put, take) => {
    const { url, lines, errorOf, isFaulty } = await twoGroups();
    await withRedis(url, async (redis) => {
      await put(redis);
      await waitFor(isFaulty, { what: 'the hub to find it' });
      expect(await errorOf('beta')).toBe('group-faulty');
      expect(await errorOf('alpha')).toBeUndefined();
      expect(lines.filter(({ msg }) => msg.startsWith('the group is faulty'))).toHaveLength(1);
      await take(redis);
      await waitFor(async () => (await errorOf('beta')) === undefined, {
        what: 'beta to be served again',
        timeoutMs: 20_000,
      });
    });
    expect(await isFaulty()).toBe(false);
  },
);

test('beside a group with 8,000 lanes, another is as fast as before and the hub takes no more memory', async () => {
  const { url, hub, isFaulty } = await twoGroups();
  const p99 = async () => {
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const { status, elapsedMs } = await ask(`${hub.url}/alpha/`);
      expect(status).toBe(200);
      times.push(elapsedMs);
    }
    return quantile(times, 0.99);
  };
  const [, put] = POISON[0] ?? [];
  if (!put) throw new Error('there is no poison');
  const usual = await p99();
  const before = process.memoryUsage.rss();
  await withRedis(url, put);
  await waitFor(isFaulty, { what: 'the hub to find it' });
  expect(await p99()).toBeLessThan(Math.max(100, 3 * usual));
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MIB);
});
