import { expect, test } from 'vitest';
import { ask, startAsking, type Outcome } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub, newToken, type ConfigInput } from '../support/config.ts';
import { agentHere, hubProcess, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The concurrency and the rate of an app, over all hubs together.

type AppLimits = Omit<NonNullable<ConfigInput['apps']>[number], 'name' | 'tokens'>;

/** An agent with more slots than the app may use. `/hold` is never answered. */
async function start(limits: AppLimits) {
  const redis = await redisHere();
  const group = uniqueGroup();
  const { token, stored } = newToken('app');
  const limited = (changed: AppLimits): ConfigInput => ({
    apps: [{ name: 'shop', ...changed, tokens: [stored] }],
  });
  await configure(redis.url, {
    ...limited(limits),
    groups: [{ name: group, leaseMs: 1_500 }],
    routes: [{ name: 'guarded', groups: [{ group }], auth: 'app' }],
  });
  const counter = countCalls((req, res) => {
    if (req.url !== '/hold') setTimeout(() => res.end('served'), 5 + Math.random() * 20);
  });
  const upstream = await upstreamHere(counter.listener);
  await agentHere(redis.url, group, upstream.url, { concurrency: 32 });
  const headers = { 'router-token': token };
  const permits = () => withRedis(redis.url, (client) => client.zcard('mr:{app:shop}:permits'));
  return { redis, group, counter, headers, permits, limited };
}

const refusals = (outcomes: Outcome[]) => outcomes.filter(({ status }) => status === 429);

test('the concurrency of an app is never exceeded over two hubs, and the rest gets 429', async () => {
  const { redis, counter, headers, permits, limited } = await start({ concurrency: 3 });
  const hubs = [await configuredHub(redis.url), await configuredHub(redis.url)];
  const askAll = () =>
    Promise.all(Array.from({ length: 60 }, (_, i) => ask(`${hubs[i % 2]?.url}/${i}`, { headers })));

  const outcomes = [...(await askAll()), ...(await askAll())];

  expect(counter.most).toBe(3);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([200, 429]));
  for (const refused of refusals(outcomes)) {
    expect(refused.headers).toMatchObject({
      'router-error': 'too-many-requests',
      'router-executed': 'no',
      'retry-after': '1',
    });
  }
  await waitFor(async () => (await permits()) === 0, { what: 'the permits to be given back' });

  await configure(redis.url, limited({ concurrency: 20 }));
  await waitFor(async () => refusals(await askAll()).length < 60 && counter.most > 3, {
    timeoutMs: 1_500,
    what: 'the higher limit to count',
  });
  expect(counter.most).toBeLessThanOrEqual(20);
});

test('a client that disconnects gives its permit back, whatever its request does', async () => {
  const { redis, counter, headers, permits } = await start({ concurrency: 2 });
  const hub = await configuredHub(redis.url);
  const holding = [1, 2].map(() => startAsking(`${hub.url}/hold`, { headers }));
  await waitFor(() => counter.running === 2, { what: 'both to run' });
  expect((await ask(hub.url, { headers })).status).toBe(429);

  for (const each of holding) each.disconnect();

  await waitFor(async () => (await permits()) === 0, { timeoutMs: 1_000, what: 'the permits' });
  expect((await ask(hub.url, { headers })).status).toBe(200);
  for (let i = 0; i < 30; i++) {
    const leaving = startAsking(`${hub.url}/hold`, { headers });
    setTimeout(() => leaving.disconnect(), i % 6);
    await leaving.outcome;
  }
  await waitFor(async () => (await permits()) === 0, { timeoutMs: 1_000, what: 'no permit to be left' });
});

test('the permits of a hub that was killed lapse after 15 s, those of the others do not', async () => {
  const { redis, counter, headers, permits } = await start({ concurrency: 2 });
  const killed = await hubProcess(redis.url, 'unused');
  const hub = await configuredHub(redis.url);
  const kept = startAsking(`${hub.url}/hold`, { headers });
  const lost = startAsking(`${killed.url}/hold`, { headers });
  await waitFor(() => counter.running === 2, { what: 'both to run' });

  const killedAt = performance.now();
  await killed.kill('SIGKILL');
  await lost.outcome;
  expect((await ask(hub.url, { headers })).status).toBe(429);

  await waitFor(async () => (await ask(hub.url, { headers })).status === 200, {
    timeoutMs: 17_000,
    what: 'the permit of the killed hub to lapse',
  });
  expect(performance.now() - killedAt).toBeGreaterThan(9_000);
  expect(await permits()).toBe(1);
  kept.disconnect();
});

test('the rate of an app counts over two hubs, and a pause saves up a burst', async () => {
  const rate = { requests: 5, perMs: 60_000, burst: 3 };
  const { redis, counter, headers } = await start({ rate });
  const hubs = [await configuredHub(redis.url), await configuredHub(redis.url)];

  const outcomes: Outcome[] = [];
  for (let i = 0; i < 12; i++) outcomes.push(await ask(`${hubs[i % 2]?.url}/${i}`, { headers }));

  expect(outcomes.map(({ status }) => status)).toEqual([...Array<number>(8).fill(200), 429, 429, 429, 429]);
  expect(counter.calls).toHaveLength(8);
  for (const { headers: said } of refusals(outcomes)) {
    expect(Number(said['retry-after'])).toBeGreaterThan(0);
    expect(Number(said['retry-after'])).toBeLessThanOrEqual(60);
  }
});

test('after Retry-After the rate lets requests through again', async () => {
  const { redis, headers } = await start({ rate: { requests: 2, perMs: 1_000 } });
  const hub = await configuredHub(redis.url);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await ask(hub.url, { headers })).status);
  expect(statuses).toEqual([200, 200, 429]);

  await waitFor(async () => (await ask(hub.url, { headers })).status === 200, {
    timeoutMs: 1_500,
    what: 'the next second',
  });
});
