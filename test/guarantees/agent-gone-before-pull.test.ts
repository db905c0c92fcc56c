import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { scrapeSources } from '../support/metrics.ts';
import {
  agentHere,
  agentProcess,
  expectNothingLeft,
  hubHere,
  upstreamHere,
  withRedis,
} from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup, type TestHub } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Promise 1: a request that no agent has pulled waits, and ends when it may wait no longer, however its agent has gone.

const LEASE_MS = 1_500;
const POST = { method: 'POST', body: 'x' };

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** An agent that does not come any more for what its lane is handed. */
async function goneAgent(group: string, flags: string[] = []) {
  const counter = countCalls((req) => req.resume());
  const upstream = await upstreamHere(counter.listener);
  const agent = await agentProcess(redis.url, group, upstream.url, {
    name: 'gone',
    flags: ['--concurrency', '4', ...flags],
  });
  await agent.kill('SIGKILL');
  return counter;
}

test.each([5_000, 1_000])(
  'the only agent vanishes: what comes then waits for %d ms at most, and is told that there is no agent',
  async (queueWaitMs) => {
    const group = uniqueGroup();
    const limits = { queueWaitMs, firstByteTimeoutMs: 60_000 };
    const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, ...limits });
    const counter = await goneAgent(group);
    const askedAt = performance.now();
    const result = await startAsking(`${hub.url}/job`, POST).outcome;
    const afterMs = performance.now() - askedAt;

    expect(result).toMatchObject({ outcome: 'answered', status: 503 });
    expect(result.headers['router-executed']).toBe('no');
    if (queueWaitMs > LEASE_MS + 1_000) {
      expect(result.headers['router-error']).toBe('no-agent');
      expect(JSON.parse(result.body)).toMatchObject({ detail: `No agent of group "${group}" is running.` });
    }
    expect(afterMs).toBeGreaterThan(queueWaitMs - 10);
    expect(afterMs).toBeLessThan(queueWaitMs + 1_500);
    expect(counter.calls).toEqual([]);
    await expectNothingLeft(redis.url, group);
  },
);

test('its hub hears that it waits again, and the next agent runs it, also when one attempt is all there is', async () => {
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, attempts: 1 });
  await goneAgent(group);
  const { outcome } = startAsking(`${hub.url}/job`, POST);
  await waitFor(() => waitingAt(hub), { what: 'the hub to know that it waits' });

  const upstream = await upstreamHere((req, res) => req.resume().on('end', () => res.end('done')));
  await agentHere(redis.url, group, upstream.url);

  expect(await outcome).toMatchObject({ status: 200, body: 'done' });
});

/** True when the hub's metrics count one of its requests in line. */
async function waitingAt(hub: TestHub): Promise<boolean> {
  const scrape = await scrapeSources(hub.metrics);
  return scrape.sum('mini_router_hub_requests_in_progress', { state: 'waiting' }) === 1;
}

test('beside an agent that is busy the wait is limited, too', async () => {
  const group = uniqueGroup();
  const queueWaitMs = 3_000;
  const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, queueWaitMs, firstByteTimeoutMs: 60_000 });
  const busy = countCalls((req) => req.resume());
  const upstream = await upstreamHere(busy.listener);
  await agentHere(redis.url, group, upstream.url, { concurrency: 1, name: 'busy' });
  const first = startAsking(`${hub.url}/first`, POST);
  await waitFor(() => busy.running === 1, { what: 'the agent to be busy' });
  const counter = await goneAgent(group);

  const askedAt = performance.now();
  const results = await Promise.all([1, 2, 3].map((i) => startAsking(`${hub.url}/${i}`, POST).outcome));
  const afterMs = performance.now() - askedAt;

  for (const result of results) {
    expect(result.headers).toMatchObject({ 'router-error': 'queue-timeout', 'router-executed': 'no' });
    expect(JSON.parse(result.body)).toMatchObject({
      detail: `No agent of group "${group}" had a free slot within 3 s (1 of 1 busy).`,
    });
  }
  expect(afterMs).toBeLessThan(queueWaitMs + 1_500);
  expect([busy.calls, counter.calls]).toEqual([['/first'], []]);
  first.disconnect();
});

test('a hub that no doorbell reaches finds out by itself', async () => {
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, {
    leaseMs: LEASE_MS,
    queueWaitMs: 5_000,
    firstByteTimeoutMs: 60_000,
  });
  await goneAgent(group);
  const { outcome } = startAsking(`${hub.url}/job`, POST);
  await withRedis(redis.url, async (client) => {
    // Subscribers come back by themselves.
    const timer = setInterval(() => void client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 5);
    try {
      await waitFor(() => waitingAt(hub), { what: 'the hub to know that it waits', timeoutMs: 4_500 });
    } finally {
      clearInterval(timer);
    }
  });
  expect((await outcome).headers).toMatchObject({ 'router-error': 'no-agent', 'router-executed': 'no' });
});
