import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { PulledRequest } from '../../router-core/exchange/agent-link.ts';
import { RedisAgentLink } from '../../router-core/redis/agent/redis-agent-link.ts';
import { Renewals } from '../../router-core/redis/agent/renewals.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { recordLog } from '../support/config.ts';
import { agentHere, agentProcess, hubHere, hubProcess, upstreamHere } from '../support/parts.ts';
import { expectNothingLeft, waitForQueued, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Promise 2: a request is never started after its client has gone or its deadline has passed.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** `/held` is answered when `release` is called; everything else at once. */
function startHolding() {
  let release = () => {};
  const counter = countCalls((req, res) => {
    if (req.url === '/held') release = () => res.end('held');
    else res.end('quick');
  });
  return { ...counter, release: () => release() };
}

test('a request that waits is not started when its client has disconnected', async () => {
  const group = uniqueGroup();
  const { listener, calls, release } = startHolding();
  const upstream = await upstreamHere(listener);
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { concurrency: 1 });
  const held = startAsking(`${hub.url}/held`);
  await waitFor(() => calls.length === 1, { what: 'the slot to be taken' });

  const abandoned = startAsking(`${hub.url}/abandoned`, { method: 'POST', body: 'x' });
  await waitForQueued(redis.url, group, 1);
  abandoned.disconnect();
  await waitForQueued(redis.url, group, 0);
  release();

  expect((await held.outcome).body).toBe('held');
  expect(await ask(`${hub.url}/next`)).toMatchObject({ status: 200, body: 'quick' });
  expect(calls).toEqual(['/held', '/next']);
});

test('a request that has waited too long is refused and not started', async () => {
  const group = uniqueGroup();
  const { listener, calls, release } = startHolding();
  const upstream = await upstreamHere(listener);
  const hub = await hubHere(redis.url, group, { queueWaitMs: 400 });
  await agentHere(redis.url, group, upstream.url, { concurrency: 1 });
  const held = startAsking(`${hub.url}/held`);
  await waitFor(() => calls.length === 1, { what: 'the slot to be taken' });

  const late = await ask(`${hub.url}/late`);
  expect(late.status).toBe(503);
  expect(late.headers).toMatchObject({ 'router-error': 'queue-timeout', 'router-executed': 'no' });
  release();

  await held.outcome;
  expect((await ask(`${hub.url}/next`)).status).toBe(200);
  expect(calls).toEqual(['/held', '/next']);
});

test('a request handed to a frozen agent is not started when the agent wakes after its client has gone', async () => {
  const group = uniqueGroup();
  const { listener, calls } = startHolding();
  const upstream = await upstreamHere(listener);
  const hub = await hubHere(redis.url, group, { leaseMs: 6_000 });
  const agent = await agentProcess(redis.url, group, upstream.url, { name: 'frozen' });
  expect((await ask(`${hub.url}/first`)).status).toBe(200);

  await agent.kill('SIGSTOP');
  const abandoned = startAsking(`${hub.url}/abandoned`, { method: 'POST', body: 'x' });
  const lane = `mr:{${group}}:lane:0`;
  await withRedis(redis.url, (client) =>
    waitFor(async () => (await client.xlen(lane)) === 1, { what: 'the request to be handed out' }),
  );
  abandoned.disconnect();
  await waitFor(async () => hub.url && (await isCancelled(lane)), { what: 'the cancel to reach Redis' });
  // The promise leaves a second for races; this is not one.
  await sleep(1_000);
  await agent.kill('SIGCONT');

  expect(await ask(`${hub.url}/next`)).toMatchObject({ status: 200, body: 'quick' });
  expect(calls).toEqual(['/first', '/next']);
});

/** The entry is gone from the lane, or its reset frame is in Redis. */
function isCancelled(lane: string): Promise<boolean> {
  return withRedis(redis.url, async (client) => {
    const up = await client.keys(lane.replace('lane:0', 'up:*'));
    return (await client.xlen(lane)) === 0 || up.length > 0;
  });
}

test('requests that wait are not started when their hub was killed', async () => {
  const group = uniqueGroup();
  const { listener, calls, release } = startHolding();
  const upstream = await upstreamHere(listener);
  const survivor = await hubHere(redis.url, group);
  const victim = await hubProcess(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { concurrency: 1 });
  const held = startAsking(`${survivor.url}/held`);
  await waitFor(() => calls.length === 1, { what: 'the slot to be taken' });
  const orphaned = startAsking(`${victim.url}/orphaned`);
  await waitForQueued(redis.url, group, 1);

  await victim.kill('SIGKILL');
  expect((await orphaned.outcome).outcome).toBe('broken');
  await waitFor(async () => (await liveHubs(group)) === 1, { what: 'the hub to be missed' });
  release();

  expect((await held.outcome).status).toBe(200);
  expect((await ask(`${survivor.url}/next`)).status).toBe(200);
  expect(calls).toEqual(['/held', '/next']);
  await expectNothingLeft(redis.url, group, 30_000);
});

/** An instance with one slot, in its group until the test ends; it pulls when it is told to. */
async function linkHere(redisUrl: string, group: string): Promise<RedisAgentLink> {
  const report = { name: 'agent', version: '0', concurrency: 1, inFlight: 0, state: 'ready' } as const;
  const link = new RedisAgentLink({
    redisUrl,
    group,
    name: 'agent',
    scopes: [],
    renewals: new Renewals(),
    log: recordLog().log,
    lanes: 'shared',
    report: () => ({ shares: [{ record: '-', slots: 1, running: 0 }], report }),
    onGrants: () => {},
  });
  onTestFinished(() => link.close(100));
  await link.join();
  return link;
}

test.each([
  ['is gone, are not started', true],
  ['lives, are started', false],
])('requests that are pulled late and whose hub %s', async (_what, isKilled) => {
  const group = uniqueGroup();
  // Sweeps, also when the other is gone.
  await hubHere(redis.url, group);
  const victim = await hubProcess(redis.url, group);
  // Alive and handed requests, but its reads hang for a while.
  const link = await linkHere(redis.url, group);
  const orphaned = startAsking(`${victim.url}/orphaned`, { method: 'POST', body: 'x' });
  const lane = `mr:{${group}}:lane:0`;
  await withRedis(redis.url, (client) =>
    waitFor(async () => (await client.xlen(lane)) === 1, { what: 'the request to be handed out' }),
  );
  if (isKilled) {
    await victim.kill('SIGKILL');
    await orphaned.outcome;
    await waitFor(async () => (await liveHubs(group)) === 1, { what: 'the hub to be missed' });
  } else await sleep(200);

  const pulled: PulledRequest[] = [];
  while (pulled.length === 0) await link.pull(1, (request) => pulled.push(request));
  if (isKilled) expect(pulled).toMatchObject([{ remainingMs: 0 }]);
  else expect(pulled[0]?.remainingMs).toBeGreaterThan(1_000);
});

function liveHubs(group: string): Promise<number> {
  return withRedis(redis.url, async (client) => {
    const [seconds] = await client.time();
    return client.zcount(`mr:{${group}}:hubs`, Number(seconds) * 1_000, '+inf');
  });
}
