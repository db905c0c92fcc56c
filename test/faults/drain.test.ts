import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { startBalancer } from '../support/balancer.ts';
import { countCalls } from '../support/call-counter.ts';
import { startLoad, tally, type Load } from '../support/load.ts';
import { agentHere, agentProcess, hubHere, hubProcess, upstreamHere } from '../support/parts.ts';
import { expectNothingLeft } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup, statusOf } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// SIGTERM under load: no client may notice.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Most answers are quick, some stream for a third of a second. */
function startMixed() {
  return countCalls((req, res) => {
    req.resume();
    const n = Number(req.url?.slice(1));
    if (n % 10 !== 0) {
      setTimeout(() => res.end(`done ${n}`), n % 7);
      return;
    }
    let lines = 0;
    const timer = setInterval(() => {
      res.write('line ');
      if (++lines < 10) return;
      clearInterval(timer);
      res.end(`done ${n}`);
    }, 30);
    res.on('close', () => clearInterval(timer));
  });
}

const requestOf = (n: number) => (n % 2 === 0 ? { method: 'POST', body: 'x'.repeat(n % 1_000) } : {});

async function waitForMore(load: Load, count: number): Promise<void> {
  const wanted = load.outcomes.size + count;
  await waitFor(() => load.outcomes.size >= wanted, { what: `${count} more answers` });
}

async function expectAllAnswered(load: Load, calls: string[]): Promise<void> {
  const outcomes = await load.stop();
  expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
  expect([...load.outcomes].filter(([n, { body }]) => !body.endsWith(`done ${n}`))).toEqual([]);
  expect(calls).toHaveLength(outcomes.length);
}

test(
  'hubs are drained and started again, one after the other, without a failed request',
  { timeout: 60_000 },
  async () => {
    const group = uniqueGroup();
    const counter = startMixed();
    const upstream = await upstreamHere(counter.listener);
    const ports = [await freePort(), await freePort()];
    const start = (port: number) => hubProcess(redis.url, group, ['--drain', '10s'], { port });
    const hubs = await Promise.all(ports.map(start));
    await agentHere(redis.url, group, upstream.url, { concurrency: 16 });
    const send = startBalancer(hubs.map(({ url }) => url));
    const load = startLoad(12, (n) => send(`/${n}`, requestOf(n)));

    for (const [i, hub] of hubs.entries()) {
      await waitForMore(load, 100);
      await hub.kill('SIGTERM');
      expect((await hub.ended).code).toBe(0);
      await waitForMore(load, 100);
      await start(ports[i] ?? 0);
    }
    await waitForMore(load, 100);

    await expectAllAnswered(load, counter.calls);
    await expectNothingLeft(redis.url, group);
  },
);

test(
  'agents are drained and started again, one after the other, without a failed request',
  { timeout: 60_000 },
  async () => {
    const group = uniqueGroup();
    const counter = startMixed();
    const upstream = await upstreamHere(counter.listener);
    const hub = await hubHere(redis.url, group);
    const start = (name: string) =>
      agentProcess(redis.url, group, upstream.url, { name, flags: ['--concurrency', '6', '--drain', '10s'] });
    const agents = [await start('a'), await start('b')];
    const load = startLoad(24, (n) => ask(`${hub.url}/${n}`, requestOf(n)));

    for (const [i, agent] of agents.entries()) {
      await waitForMore(load, 100);
      await agent.kill('SIGTERM');
      expect((await agent.ended).code).toBe(0);
      await waitForMore(load, 100);
      await start(`again-${i}`);
    }
    await waitForMore(load, 100);

    await expectAllAnswered(load, counter.calls);
    await expectNothingLeft(redis.url, group);
  },
);

test('a hub that drains finishes what runs, takes nothing new, and then is gone', async () => {
  const group = uniqueGroup();
  let finish = () => {};
  const upstream = await upstreamHere((_req, res) => {
    finish = () => res.end('finished');
    res.flushHeaders();
  });
  const hub = await hubProcess(redis.url, group, ['--drain', '6s']);
  await agentHere(redis.url, group, upstream.url);
  const running = ask(hub.url);
  const called = finish;
  await waitFor(() => finish !== called, { what: 'the upstream to be called' });

  const gone = hub.kill('SIGTERM');
  await waitFor(async () => (await statusOf(`${hub.url}/_router/ready`)) !== 200, {
    what: 'not to be ready',
  });
  finish();

  expect(await running).toMatchObject({ outcome: 'answered', status: 200, body: 'finished' });
  await gone;
  expect(await hub.ended).toEqual({ code: 0, signal: null });
  expect(await statusOf(hub.url)).toBe(0);
});
