import { Agent as ConnectionPool } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { countCalls, type CallCounter } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { startLoad, tally } from '../support/load.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import type { TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A change of the configuration reaches every hub within a second, and costs no request anything.

/** An agent and an upstream that answers with the name of its group. */
async function startGroup(redis: TestRedis): Promise<{ group: string; counter: CallCounter }> {
  const group = uniqueGroup();
  const counter = countCalls((_req, res) => void delay(5).then(() => res.end(group)));
  const upstream = await upstreamHere(counter.listener);
  await agentHere(redis.url, group, upstream.url, { concurrency: 8 });
  return { group, counter };
}

const toGroup = (name: string, path: string, group: string) => ({
  name,
  match: { path },
  groups: [{ group }],
});

/** Asks each hub until all of them answer like this. */
async function expectFrom(urls: string[], path: string, body: string, withinMs = 1_000): Promise<void> {
  const answers = () => Promise.all(urls.map((url) => ask(`${url}${path}`)));
  await waitFor(async () => (await answers()).every((answer) => answer.body === body), {
    timeoutMs: withinMs,
    what: `${path} to be answered by ${body}`,
  });
}

test('limits, routes and groups change under load within a second, without one failed request', async () => {
  const redis = await redisHere();
  const old = await startGroup(redis);
  const next = await startGroup(redis);
  const limited = (concurrency: number) => ({ name: old.group, concurrency, leaseMs: 1_500 });
  await configure(redis.url, {
    groups: [limited(0), { name: next.group, leaseMs: 1_500 }],
    routes: [toGroup('all', '/*', old.group)],
  });
  const hubs = [await configuredHub(redis.url), await configuredHub(redis.url)];
  const urls = hubs.map(({ url }) => url);
  const pool = new ConnectionPool({ keepAlive: true });
  onTestFinished(() => pool.destroy());
  const load = startLoad(20, (n) => ask(`${urls[n % 2]}/${n}`, { pool }));
  await waitFor(() => old.counter.most === 8, { what: 'all slots to be used' });

  await configure(redis.url, { groups: [limited(2)] });
  await waitFor(() => old.counter.running <= 2, { timeoutMs: 1_000, what: 'the limit to be taken' });
  await delay(100);
  old.counter.most = 0;
  const before = old.counter.calls.length;
  await waitFor(() => old.counter.calls.length > before + 50, { what: '50 calls' });
  expect(old.counter.most).toBe(2);

  await configure(redis.url, { routes: [toGroup('new', '/new/*', next.group)] });
  await expectFrom(urls, '/new/x', next.group);
  await expectFrom(urls, '/old', old.group);

  await configure(redis.url, { routes: [toGroup('all', '/*', next.group)] });
  await expectFrom(urls, '/old', next.group);

  await configure(redis.url, { removed: [{ kind: 'group', name: old.group }] });
  await waitFor(
    () => withRedis(redis.url, async (client) => (await client.zcard(`mr:{${old.group}}:hubs`)) === 0),
    {
      what: 'both hubs to leave the group',
    },
  );
  await expectFrom(urls, '/new/y', next.group);

  expect(Object.keys(tally(await load.stop()))).toEqual(['answered 200']);
});

test('the hubs hear of a change although their doorbells were just cut', async () => {
  const redis = await redisHere();
  const { group } = await startGroup(redis);
  await configure(redis.url, { groups: [{ name: group }], routes: [] });
  const hubs = [await configuredHub(redis.url), await configuredHub(redis.url)];

  await withRedis(redis.url, (client) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
  await configure(redis.url, { routes: [toGroup('cut', '/cut/*', group)] });

  await expectFrom(
    hubs.map(({ url }) => url),
    '/cut/x',
    group,
  );
});

test('a hub that never hears of changes finds them within 5 s', async () => {
  const redis = await redisHere();
  const { group } = await startGroup(redis);
  await withRedis(redis.url, (client) =>
    client.call('ACL', 'SETUSER', 'deaf', 'reset', 'on', '>pw', '~*', '&mr:{*', '+@all'),
  );
  await configure(redis.url, { groups: [{ name: group }], routes: [toGroup('before', '/before', group)] });
  const url = redis.url.replace('redis://', 'redis://deaf:pw@');
  const hub = await configuredHub(url);
  await expectFrom([hub.url], '/before', group);

  const writtenAt = performance.now();
  await configure(redis.url, { routes: [toGroup('unheard', '/unheard/*', group)] });

  await expectFrom([hub.url], '/unheard/x', group, 6_000);
  // Otherwise it has heard, and the test proves nothing.
  expect(performance.now() - writtenAt).toBeGreaterThan(1_000);
});
