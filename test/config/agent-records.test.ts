import { Agent as ConnectionPool } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { agentRecords, reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { countCalls, type CallCounter } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { startLoad, tally } from '../support/load.ts';
import { agentHere, redisHere, upstreamHere, waitForQueued, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The settings of an agent's record apply to all running instances that use its token.

/** A hub, and what is needed to start agents of records. `/hold…` is answered when released. */
async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: 1_500 }],
    routes: [{ name: 'all', groups: [{ group }] }],
  });
  const held: (() => void)[] = [];
  const counter = countCalls((req, res) => {
    if (req.url?.startsWith('/hold')) held.push(() => res.end('released'));
    else setTimeout(() => res.end('served'), 5);
  });
  const upstream = await upstreamHere(counter.listener);
  const hub = await configuredHub(redis.url);
  const startAgent = (token: string, name: string) =>
    agentHere(redis.url, 'not-its-group', upstream.url, { token, name, concurrency: 4 });
  const release = () => held.splice(0).forEach((each) => each());
  return { redis, group, records: agentRecords(redis.url), counter, hub, startAgent, release };
}

/** The most calls at once while the next `calls` begin. */
async function mostDuring(counter: CallCounter, calls: number): Promise<number> {
  counter.most = 0;
  const before = counter.calls.length;
  await waitFor(() => counter.calls.length >= before + calls, { what: `${calls} more calls` });
  return counter.most;
}

test('the instances of a record together never run more than its cap, which can be raised and lowered', async () => {
  const { group, records, counter, hub, startAgent } = await start();
  const token = await records.set('capped', { group, concurrency: 3 });
  await startAgent(token, 'a');
  await startAgent(token, 'b');
  const pool = new ConnectionPool({ keepAlive: true });
  onTestFinished(() => pool.destroy());
  const load = startLoad(16, (n) => ask(`${hub.url}/${n}`, { pool }));
  await waitFor(() => counter.running === 3, { what: 'all slots to be used' });
  expect(await mostDuring(counter, 100)).toBe(3);

  await records.set('capped', { group, concurrency: 6 });
  await waitFor(() => counter.running === 6, { timeoutMs: 1_000, what: 'the raised cap to be used' });
  expect(await mostDuring(counter, 100)).toBe(6);

  await records.set('capped', { group, concurrency: 2 });
  await waitFor(() => counter.running <= 2, { timeoutMs: 1_000, what: 'the lowered cap to count' });
  // Both instances have heard of it, and what ran before has ended.
  await delay(100);
  expect(await mostDuring(counter, 100)).toBe(2);

  await records.set('capped', { group });
  await waitFor(() => counter.running === 8, { timeoutMs: 1_000, what: 'all that they offer to be used' });
  expect(Object.keys(tally(await load.stop()))).toEqual(['answered 200']);
});

test('a paused record pulls nothing and finishes what runs, until it is resumed', async () => {
  const { redis, group, records, counter, hub, startAgent, release } = await start();
  const token = await records.set('machine', { group });
  await startAgent(token, 'a');
  const running = ask(`${hub.url}/hold`);
  await waitFor(() => counter.running === 1, { what: 'one to run' });

  await records.set('machine', { group, paused: true });
  const state = async () => (await reportsOf(redis.url, group)).get('a')?.state;
  await expect.poll(state, { timeout: 1_000, interval: 20 }).toBe('paused');
  const asked = Array.from({ length: 6 }, (_, i) => ask(`${hub.url}/${i}`));
  await waitForQueued(redis.url, group, 6);
  release();
  expect(await running).toMatchObject({ status: 200, body: 'released' });
  // Slots are free, sweeps and heartbeats come: still nothing.
  await delay(700);
  expect(counter.calls).toEqual(['/hold']);

  await records.set('machine', { group, paused: false });
  const resumedAt = performance.now();
  expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(asked.map(() => 'served'));
  expect(performance.now() - resumedAt).toBeLessThan(1_500);
});

test('a record that is paused under load stops within a second, and no request fails', async () => {
  const { group, records, counter, hub, startAgent } = await start();
  const token = await records.set('machine', { group });
  await startAgent(token, 'a');
  await startAgent(token, 'b');
  const load = startLoad(16, (n) => ask(`${hub.url}/${n}`));
  await waitFor(() => counter.running === 8, { what: 'all slots to be used' });

  await records.set('machine', { group, paused: true });
  await delay(1_000);
  const begun = counter.calls.length;
  await delay(700);
  expect(counter.calls).toHaveLength(begun);

  await records.set('machine', { group, paused: false });
  await waitFor(() => counter.running === 8, { timeoutMs: 1_500, what: 'all slots to be used again' });
  expect(Object.keys(tally(await load.stop()))).toEqual(['answered 200']);
});

test('an agent whose record is not there pulls nothing until it is', async () => {
  const { redis, group, records, counter, hub, startAgent } = await start();
  const token = await records.set('late', { group });
  await records.remove('late');
  await startAgent(token, 'a');
  const asked = ask(hub.url);
  await waitForQueued(redis.url, group, 1);
  await delay(700);
  expect(counter.calls).toEqual([]);

  await records.set('late', { group });
  expect(await asked).toMatchObject({ status: 200, body: 'served' });
});

test('an agent joins the group that the card of its token names, whatever its flags say', async () => {
  const { redis, group, records, counter, hub, startAgent } = await start();
  const other = uniqueGroup();
  await configure(redis.url, { groups: [{ name: other, leaseMs: 1_500 }] });
  const token = await records.set('elsewhere', { group: other });
  await startAgent(token, 'a');
  expect([...(await reportsOf(redis.url, other)).keys()]).toEqual(['a']);
  expect((await reportsOf(redis.url, group)).size).toBe(0);
  expect(await ask(hub.url, { timeoutMs: 300 })).toMatchObject({ outcome: 'hung' });
  expect(counter.calls).toEqual([]);
});

test('an agent whose token Redis knows nothing of waits until it does', async () => {
  const { redis, group, records, hub, startAgent } = await start();
  const token = await records.set('unheard', { group });
  const [, , id] = token.split('_');
  await withRedis(redis.url, (client) => client.del(`mr:{agent:${id}}:group`));
  const starting = startAgent(token, 'a');
  const asked = ask(hub.url);
  await waitForQueued(redis.url, group, 1);
  expect((await reportsOf(redis.url, group)).size).toBe(0);

  await records.set('unheard', { group });
  await starting;
  expect(await asked).toMatchObject({ status: 200, body: 'served' });
});
