import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../support/config.ts';
import { recordRequests, startDataPath } from '../support/data-path.ts';
import { expectProblem, expectRetryAfter } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw, type RawConnection } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const post = (length: number, body = '', target = '/') =>
  rawRequest([`POST ${target} HTTP/1.1`, 'Host: h', `Content-Length: ${length}`], body);
const chunked = (body: string) =>
  rawRequest(['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked'], body);
const GET = rawRequest(['GET / HTTP/1.1', 'Host: h']);
const ready = async (port: number) => (await fetch(`http://127.0.0.1:${port}/_router/ready`)).status;

async function open(port: number, count: number, request: string): Promise<RawConnection[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => openRaw(port)));
  for (const client of clients) client.write(request);
  return clients;
}

test.each([
  ['an announced length', post(70_000, 'x'.repeat(100))],
  ['a small announced length', post(100, 'x')],
  ['chunks', chunked('5\r\nhello\r\n')],
])('bodies that stall, with %s, take no slot', async (_what, request) => {
  const { seen, listener } = recordRequests();
  const path = await startDataPath(redis, listener, { agent: { concurrency: 2 } });
  await sendRaw(path.port, GET);
  const stalled = await open(path.port, 16, request);
  await delay(300);
  const startedAt = performance.now();
  for (let i = 0; i < 5; i++) expect((await sendRaw(path.port, GET)).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(seen.every(({ method }) => method === 'GET')).toBe(true);
  for (const client of stalled) client.close();
  await path.close();
});

test('the first 64 KiB of a body take a slot, and the rest follows', async () => {
  const { seen, listener } = recordRequests();
  let started = 0;
  const path = await startDataPath(redis, (req, res) => {
    started += 1;
    listener(req, res);
  });
  const client = await openRaw(path.port);
  client.write(post(70_000, 'x'.repeat(64 * 1024 - 1)));
  await delay(200);
  expect(started).toBe(0);
  client.write('x');
  await waitFor(() => started === 1, { what: 'the request at the upstream' });
  client.write('y'.repeat(70_000 - 64 * 1024));
  expect((await client.reply()).status).toBe(200);
  expect(seen[0]?.body.toString()).toBe('x'.repeat(64 * 1024) + 'y'.repeat(70_000 - 64 * 1024));
  client.close();
  await path.close();
});

test('a body that is slower than --min-body-rate ends with 408, wherever it is; one that is faster passes', async () => {
  const { seen, listener } = recordRequests();
  const path = await startDataPath(redis, listener, { hub: { minBodyRate: 100_000 } });
  const [unborn, begun, steady] = await Promise.all([
    openRaw(path.port),
    openRaw(path.port),
    openRaw(path.port),
  ]);
  unborn.write(post(5_000));
  begun.write(post(66_000, 'x'.repeat(65_600)));
  steady.write(post(2_000_000));
  let left = 2_000_000;
  const timer = setInterval(() => {
    unborn.write('x');
    begun.write('x');
    steady.write('x'.repeat(Math.min(left, 60_000)));
    left -= Math.min(left, 60_000);
  }, 400);
  const all = [unborn, begun, steady];
  const haveReplies = () => all.every((client) => client.received().endsWith('\n') || client === steady);
  await waitFor(() => haveReplies() && steady.received() !== '', {
    what: 'three replies',
    timeoutMs: 25_000,
  });
  clearInterval(timer);
  expectProblem(await unborn.reply(), 408, 'request-timeout');
  expectProblem(await begun.reply(), 408, 'request-timeout', 'maybe');
  expect((await steady.reply()).status).toBe(200);
  expect(seen).toHaveLength(1);
  for (const client of all) client.close();
  await path.close();
}, 40_000);

test('--idle-timeout is the longest pause of a body, not its time', async () => {
  const { listener } = recordRequests();
  const path = await startDataPath(redis, listener, { hub: { idleTimeoutMs: 500 } });
  const client = await openRaw(path.port);
  client.write(post(50_000));
  for (let i = 0; i < 10; i++) {
    await delay(150);
    client.write('x'.repeat(5_000));
  }
  expect((await client.reply()).status).toBe(200);
  client.write(post(50_000, 'x'));
  expectProblem(await client.reply(), 408, 'request-timeout');
  client.close();
  await path.close();
});

test('unfinished bodies for one group leave room for the others, and readiness tells when there is none', async () => {
  const upstream = await startUpstream((req, res) => void req.resume().on('end', () => res.end('ok')));
  const [one, other] = [uniqueGroup(), uniqueGroup()];
  await configure(redis.url, {
    groups: [{ name: one }, { name: other }],
    routes: [
      { name: 'one', match: { path: '/one/*' }, groups: [{ group: one }] },
      { name: 'other', match: { path: '/other/*' }, groups: [{ group: other }] },
    ],
  });
  const agents = await Promise.all(
    [one, other].map((group) => startTestAgent(redis.url, group, upstream.url)),
  );
  const hub = await startTestHub(redis.url, '', { groups: [], maxInFlight: 100, drainMs: 100 });
  const crowd = await open(hub.port, 110, post(60, 'x', '/one/'));
  const refusals = crowd.map(async (client) => client.reply());
  const refused = await Promise.race(refusals);
  expectProblem(refused, 503, 'hub-full');
  expectRetryAfter(refused);
  await waitFor(async () => (await ready(hub.port)) === 200, { what: 'the hub to take requests again' });
  for (let i = 0; i < 20; i++) {
    const reply = await sendRaw(hub.port, post(60, 'y'.repeat(60), '/other/'));
    expect(reply.status).toBe(200);
  }
  // The oldest stay: they may be somebody's slow line.
  crowd[0]?.write('x'.repeat(59));
  expect((await refusals[0])?.status).toBe(200);
  for (const client of crowd) client.close();
  await Promise.allSettled(refusals);
  await hub.close();
  await Promise.all(agents.map((agent) => agent.close()));
  await upstream.close();
});

test('a hub that is full of whole requests is not ready', async () => {
  const held: (() => void)[] = [];
  const path = await startDataPath(redis, (_req, res) => void held.push(() => void res.end()), {
    hub: { maxInFlight: 3 },
  });
  const clients = await open(path.port, 3, GET);
  await waitFor(() => held.length === 3, { what: 'all at the upstream' });
  const reply = await fetch(`http://127.0.0.1:${path.port}/_router/ready`);
  expect(reply.status).toBe(503);
  expect(await reply.json()).toEqual({ status: 'full: 3 requests in flight' });
  for (const answer of held) answer();
  await waitFor(async () => (await ready(path.port)) === 200, { what: 'the hub to be ready again' });
  for (const client of clients) client.close();
  await path.close();
});
