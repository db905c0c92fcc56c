import { expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub, type ConfigInput } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere, waitForQueued, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The policy of a stored group applies from the next request on, without a restart.

type GroupInput = Omit<NonNullable<ConfigInput['groups']>[number], 'name'>;

/** `/hold…` is answered when released, `/broken` breaks off, anything else is answered at once. */
async function start(limits: GroupInput = {}, { concurrency = 4 } = {}) {
  const redis = await redisHere();
  const group = uniqueGroup();
  const held: (() => void)[] = [];
  const set = (changed: GroupInput) =>
    configure(redis.url, { groups: [{ name: group, leaseMs: 1_500, ...changed }] });
  await set(limits);
  await configure(redis.url, { routes: [{ name: 'all', groups: [{ group }] }] });
  const counter = countCalls((req, res) => {
    if (req.url?.startsWith('/hold')) held.push(() => res.end('released'));
    else if (req.url === '/broken') req.socket.destroy();
    else if (req.url === '/pause') res.write('begun');
    else req.resume().on('end', () => res.end('served'));
  });
  const upstream = await upstreamHere(counter.listener);
  await agentHere(redis.url, group, upstream.url, { concurrency });
  const hub = await configuredHub(redis.url);
  const release = () => held.splice(0).forEach((each) => each());
  return { redis, group, set, counter, hub, release };
}

/** The error of the router; undefined when there is none. */
async function errorOf(url: string, options: Parameters<typeof ask>[1] = {}): Promise<unknown> {
  return (await ask(url, options)).headers['router-error'];
}

const WITHIN = { timeout: 1_000, interval: 20 };

test('a paused group lets requests wait, lets running ones finish, and serves all when it is resumed', async () => {
  const { redis, group, set, counter, hub, release } = await start();
  const running = ask(`${hub.url}/hold`);
  await waitFor(() => counter.running === 1, { what: 'one to run' });

  await set({ paused: true });
  const settings = () => withRedis(redis.url, (client) => client.hget(`mr:{${group}}:settings`, 'paused'));
  await expect.poll(settings, WITHIN).toBe('1');
  const waiting = Array.from({ length: 6 }, (_, i) => ask(`${hub.url}/${i}`));
  await waitForQueued(redis.url, group, 6);
  release();
  expect(await running).toMatchObject({ status: 200, body: 'released' });
  // A free slot and a sweep or two: still nothing is handed out.
  await expect.poll(() => counter.calls.length, { timeout: 800, interval: 700 }).toBe(1);

  const resumedAt = performance.now();
  await set({ paused: false });
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(Array(6).fill('served'));
  expect(performance.now() - resumedAt).toBeLessThan(1_000);
});

test('concurrency counts at once, in both directions', async () => {
  const { set, counter, hub, release } = await start({ concurrency: 1 });
  const asked = Array.from({ length: 4 }, (_, i) => ask(`${hub.url}/hold/${i}`));
  await waitFor(() => counter.running === 1, { what: 'one to run' });

  await set({ concurrency: 3 });
  await expect.poll(() => counter.running, WITHIN).toBe(3);
  await set({ concurrency: 1 });
  release();
  await waitFor(() => counter.calls.length === 4, { what: 'the last to run' });
  release();

  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test('queue.depth and queue.waitMs count at once', async () => {
  const { redis, group, set, counter, hub, release } = await start(
    { queue: { depth: 2 } },
    { concurrency: 1 },
  );
  const asked = [startAsking(`${hub.url}/hold`)];
  await waitFor(() => counter.running === 1, { what: 'the slot to be taken' });
  for (let i = 0; i < 2; i++) asked.push(startAsking(`${hub.url}/${i}`));
  await waitForQueued(redis.url, group, 2);
  const full = await ask(hub.url);
  expect(full.headers).toMatchObject({ 'router-error': 'queue-full', 'router-executed': 'no' });
  expect(Number(full.headers['retry-after'])).toBeGreaterThan(0);

  await set({ queue: { waitMs: 100 } });
  // One that comes in the very moment in which the hub learns of it may wait for as long as was said before.
  await expect.poll(() => errorOf(hub.url, { timeoutMs: 300 }), WITHIN).toBe('queue-timeout');
  await set({ queue: { waitMs: 0 } });
  await expect
    .poll(async () => (await ask(hub.url)).elapsedMs < 80 && errorOf(hub.url), WITHIN)
    .toBe('queue-full');

  release();
  expect((await Promise.all(asked.map(({ outcome }) => outcome))).map(({ status }) => status)).toEqual([
    200, 200, 200,
  ]);
  expect(await errorOf(hub.url)).toBeUndefined();
});

test('timeouts count at once', async () => {
  const { set, hub, release } = await start();
  await set({ timeouts: { firstByteMs: 150 } });
  await waitFor(async () => (await ask(`${hub.url}/hold`, { timeoutMs: 400 })).status === 504, {
    what: 'the time to the first byte to count',
  });

  await set({ timeouts: { idleMs: 150 } });
  await waitFor(async () => (await ask(`${hub.url}/pause`, { timeoutMs: 400 })).outcome === 'broken', {
    what: 'the time between bytes to count',
  });

  await set({ timeouts: { totalMs: 150 } });
  await waitFor(async () => (await ask(`${hub.url}/hold`, { timeoutMs: 400 })).status === 504, {
    what: 'the time in all to count',
  });
  release();
});

test('retry counts at once', async () => {
  const { set, counter, hub } = await start({ retry: { attempts: 1 } });
  const callsFor = async (method: string) => {
    const before = counter.calls.length;
    expect((await ask(`${hub.url}/broken`, { method })).status).toBe(502);
    return counter.calls.length - before;
  };
  expect(await callsFor('GET')).toBe(1);

  await set({ retry: { attempts: 3 } });
  await expect.poll(() => callsFor('GET'), WITHIN).toBe(3);
  expect(await callsFor('POST')).toBe(1);
  await set({ retry: { attempts: 2, unsafe: true } });
  await expect.poll(() => callsFor('POST'), WITHIN).toBe(2);
});

test('maxBodyBytes counts at once', async () => {
  const { set, hub } = await start({ maxBodyBytes: 10 });
  const post = () => errorOf(hub.url, { method: 'POST', body: 'x'.repeat(11) });
  expect(await post()).toBe('body-too-large');
  await set({ maxBodyBytes: 11 });
  await expect.poll(post, WITHIN).toBeUndefined();
});

test('leaseMs counts at once: heartbeats come as often as it wants', async () => {
  const { redis, group, set } = await start({ leaseMs: 6_000 });
  const expiry = () =>
    withRedis(redis.url, async (client) => {
      const [seconds, micros] = await client.time();
      const [, score] = await client.zrange(`mr:{${group}}:instances`, '0', '0', 'WITHSCORES');
      return Number(score) - Number(seconds) * 1_000 - Number(micros) / 1_000;
    });
  await waitFor(async () => (await expiry()) > 3_000, { what: 'a long lease' });
  await set({ leaseMs: 600 });
  await waitFor(async () => (await expiry()) <= 600, { timeoutMs: 1_000, what: 'a short lease' });
  expect(await expiry()).toBeGreaterThan(0);
});

test('a group that is removed while requests run finishes them, those in line too', async () => {
  const { redis, group, counter, hub, release } = await start({}, { concurrency: 1 });
  const running = ask(`${hub.url}/hold`);
  await waitFor(() => counter.running === 1, { what: 'one to run' });
  const waiting = ask(`${hub.url}/waiting`);
  await waitForQueued(redis.url, group, 1);

  await configure(redis.url, {
    removed: [
      { kind: 'group', name: group },
      { kind: 'route', name: 'all' },
    ],
  });
  // One that the hub still takes waits in line behind the others: it is given up, and the next one asks.
  const probe = () => errorOf(hub.url, { timeoutMs: 100 });
  await expect.poll(probe, WITHIN).toBe('no-route');
  release();

  expect(await running).toMatchObject({ status: 200, body: 'released' });
  expect(await waiting).toMatchObject({ status: 200, body: 'served' });
  const hubs = () => withRedis(redis.url, (client) => client.zcard(`mr:{${group}}:hubs`));
  await expect.poll(hubs, { timeout: 2_500 }).toBe(0);
});
