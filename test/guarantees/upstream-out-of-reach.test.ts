import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, hubHere, upstreamHere, waitForQueued, withRedis } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Promise 3: what never reached an upstream may run elsewhere, whatever its method; what may have reached it may not.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test('a POST whose upstream refuses connections is answered by another agent', async () => {
  const group = uniqueGroup();
  const counter = countCalls((req, res) => req.resume().on('end', () => res.end('done')));
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group);
  // Both are there first: one that is alone in its group has nobody to leave a request to.
  await agentHere(redis.url, group, `http://127.0.0.1:${await freePort()}`, { name: 'refused' });
  await agentHere(redis.url, group, upstream.url, { name: 'good', concurrency: 1 });
  const asked = Array.from({ length: 8 }, (_, i) =>
    startAsking(`${hub.url}/${i}`, { method: 'POST', body: 'x' }),
  );

  const outcomes = await Promise.all(asked.map(({ outcome }) => outcome));

  expect(await reportsOf(group)).toContain('upstream-down');
  expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  expect(counter.calls.sort()).toEqual(Array.from({ length: 8 }, (_, i) => `/${i}`));
});

test('what is requeued runs elsewhere at once, also when it was all that the limit of the group allows', async () => {
  const broken = await upstreamHere((req) => req.socket.destroy());
  const good = await upstreamHere((_req, res) => res.end('done'));
  let ms = 0;
  for (let i = 0; i < 7; i += 1) {
    const group = uniqueGroup();
    const hub = await hubHere(redis.url, group, { groupConcurrency: 1, attempts: 20 });
    // The first that waits gets it first.
    await agentHere(redis.url, group, broken.url, { name: 'broken' });
    await agentHere(redis.url, group, good.url, { name: 'good' });
    const askedAt = performance.now();
    const outcome = await ask(hub.url);
    ms += performance.now() - askedAt;
    expect(outcome).toMatchObject({ status: 200, body: 'done' });
  }
  // To wait for the next sweep takes 0.2 s each, or more.
  expect(ms).toBeLessThan(900);
});

test('requests wait for an upstream that is down, the one that has found it down first, and are answered when it is back', async () => {
  const group = uniqueGroup();
  const port = await freePort();
  // One attempt: those that do not reach the upstream do not count.
  const hub = await hubHere(redis.url, group, { queueWaitMs: 15_000, attempts: 1 });
  const before = await upstreamHere((_req, res) => res.end(), port);
  await agentHere(redis.url, group, `http://127.0.0.1:${port}`);
  const post = (path: string) => startAsking(`${hub.url}/${path}`, { method: 'POST', body: 'x' });
  await before.close();
  // Nobody checks the health of this upstream: the first request finds it down, and nobody else can take it.
  const first = post('first');
  await waitFor(async () => (await reportsOf(group)).includes('upstream-down'), {
    what: 'the agent to find its upstream down',
  });
  const asked = [first, ...Array.from({ length: 5 }, (_, i) => post(String(i)))];
  await waitForQueued(redis.url, group, 5);

  const counter = countCalls((req, res) => req.resume().on('end', () => res.end('late')));
  await upstreamHere(counter.listener, port);

  const outcomes = await Promise.all(asked.map(({ outcome }) => outcome));
  expect(outcomes.map(({ status, body }) => `${status} ${body}`)).toEqual(outcomes.map(() => '200 late'));
  expect(counter.calls).toHaveLength(6);
});

test('who has waited for an upstream that is down is told so, whether it was tried or not', async () => {
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { queueWaitMs: 2_500 });
  const port = await freePort();
  const upstream = await upstreamHere((_req, res) => res.end(), port);
  await agentHere(redis.url, group, `http://127.0.0.1:${port}`);
  await upstream.close();
  const first = await ask(`${hub.url}/first`, { method: 'POST', body: 'x' });
  const second = await ask(`${hub.url}/second`, { method: 'POST', body: 'x' });

  expect(first.status).toBe(502);
  expect(first.headers).toMatchObject({ 'router-error': 'upstream-unreachable', 'router-executed': 'no' });
  expect(second.status).toBe(503);
  expect(second.headers).toMatchObject({ 'router-error': 'upstream-down', 'router-executed': 'no' });
  expect(JSON.parse(second.body)).toMatchObject({
    title: 'No upstream of the group can be reached',
    detail: `No upstream of group "${group}" can be reached (1 down).`,
  });
});

/** The reports of a group's instances. */
function reportsOf(group: string): Promise<string> {
  return withRedis(redis.url, async (client) => (await client.hvals(`mr:{${group}}:reports`)).join());
}

test('a POST whose upstream breaks off before it answers gets 502 upstream-failed and runs once', async () => {
  const group = uniqueGroup();
  const counter = countCalls((req) => req.socket.destroy());
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  await agentHere(redis.url, group, upstream.url, { name: 'other' });

  const outcome = await ask(`${hub.url}/once`, { method: 'POST', body: 'x' });

  expect(outcome).toMatchObject({ outcome: 'answered', status: 502 });
  expect(outcome.headers).toMatchObject({ 'router-error': 'upstream-failed', 'router-executed': 'maybe' });
  expect(counter.calls).toEqual(['/once']);
});
