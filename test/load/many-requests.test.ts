import { Agent as ConnectionPool } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Answers with the request's path and body. */
function startEcho() {
  return countCalls((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => res.end(`${req.url} ${Buffer.concat(chunks).toString()}`));
  });
}

function connectionPool(): ConnectionPool {
  const pool = new ConnectionPool({ keepAlive: true });
  onTestFinished(() => pool.destroy());
  return pool;
}

test('1,000 requests at once each get their own answer', async () => {
  const group = uniqueGroup();
  const echo = startEcho();
  const upstream = await upstreamHere(echo.listener);
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { concurrency: 64 });
  const pool = connectionPool();

  const bodies = Array.from({ length: 1_000 }, (_, i) => `body ${i} ${'x'.repeat(i)}`);
  const outcomes = await Promise.all(
    bodies.map((body, i) => ask(`${hub.url}/${i}`, { method: 'POST', body, pool })),
  );

  expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
  expect(outcomes.map(({ body }) => body)).toEqual(bodies.map((body, i) => `/${i} ${body}`));
  expect(new Set(echo.calls).size).toBe(1_000);
  await expectNothingLeft(redis.url, group);
});

test('two hubs and three agents share the work', async () => {
  const group = uniqueGroup();
  const echoes = [startEcho(), startEcho(), startEcho()];
  const hubs = [await hubHere(redis.url, group), await hubHere(redis.url, group)];
  for (const [i, echo] of echoes.entries()) {
    const upstream = await upstreamHere(echo.listener);
    await agentHere(redis.url, group, upstream.url, { name: `agent-${i}`, concurrency: 4 });
  }
  const pool = connectionPool();

  const outcomes = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      ask(`${hubs[i % 2]?.url}/${i}`, { method: 'POST', body: 'x', pool }),
    ),
  );

  expect(outcomes.map(({ body }) => body)).toEqual(outcomes.map((_, i) => `/${i} x`));
  expect(echoes.flatMap(({ calls }) => calls)).toHaveLength(300);
  for (const { calls } of echoes) expect(calls.length).toBeGreaterThan(30);
  await expectNothingLeft(redis.url, group);
});

test('several upstreams in one agent process are instances of their own', async () => {
  const group = uniqueGroup();
  const echoes = [startEcho(), startEcho()];
  const upstreams = [];
  for (const echo of echoes) upstreams.push((await upstreamHere(echo.listener)).url);
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstreams, { name: 'both', concurrency: 2 });

  const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(`${hub.url}/${i}`)));

  expect(outcomes.map(({ body }) => body)).toEqual(outcomes.map((_, i) => `/${i} `));
  const agents = new Set(outcomes.map(({ headers }) => headers['router-agent']));
  expect(agents.size).toBe(2);
  expect(echoes.every(({ calls, most }) => calls.length > 5 && most <= 2)).toBe(true);
});

test('a group whose slots are all taken does not slow another group', async () => {
  const [full, quick] = [uniqueGroup(), uniqueGroup()];
  const silent = countCalls(() => {});
  const echo = startEcho();
  const [silentUpstream, echoUpstream] = [
    await upstreamHere(silent.listener),
    await upstreamHere(echo.listener),
  ];
  const groups = [
    { name: full, path: '/full/*' },
    { name: quick, path: '/quick/*' },
  ];
  const hub = await hubHere(redis.url, full, { groups, queueDepth: 200 });
  await agentHere(redis.url, full, silentUpstream.url, { concurrency: 2 });
  await agentHere(redis.url, quick, echoUpstream.url, { concurrency: 4 });
  const stuck = Array.from({ length: 150 }, (_, i) => startAsking(`${hub.url}/full/${i}`));
  await waitFor(() => silent.running === 2, { what: 'the group to be full' });

  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`${hub.url}/quick/${i}`)));

  expect(outcomes.map(({ body }) => body)).toEqual(outcomes.map((_, i) => `/quick/${i} `));
  expect(Math.max(...outcomes.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(2_000);
  expect(silent.calls).toHaveLength(2);
  for (const asked of stuck) asked.disconnect();
  await Promise.all(stuck.map(({ outcome }) => outcome));
});
