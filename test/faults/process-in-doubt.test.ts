import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { agentHere, agentProcess, hubHere, hubProcess, instancesOf, upstreamHere } from '../support/parts.ts';
import { expectNoProcessLeft, launch, type LaunchedProcess } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// An uncaught error leaves a process in doubt: it is logged, running requests may finish for a moment, and the process exits
// 1.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(expectNoProcessLeft);
afterAll(() => redis.stop());

const MODULE = pathToFileURL(join(import.meta.dirname, 'programs', 'fault-on-signal.mjs')).href;
const withFault = (how: string) => ({ NODE_OPTIONS: `--import ${MODULE}`, FAULT: how });

async function expectEndInDoubt(process: LaunchedProcess): Promise<void> {
  expect(await process.ended).toEqual({ code: 1, signal: null });
  const line = await process.waitForLine('a fault has left this process in doubt');
  expect(JSON.parse(line)).toMatchObject({ level: 60 });
  expect(line).toContain('injected, nobody catches it');
  expect(line).toContain('fault-on-signal.mjs');
}

/** An upstream that answers after so long. `asked` resolves when it has a request. */
async function slowUpstream(ms: number) {
  let onAsked = () => {};
  const asked = new Promise<void>((resolve) => (onAsked = resolve));
  const upstream = await upstreamHere((_req, res) => {
    onAsked();
    setTimeout(() => res.end('whole'), ms);
  });
  return { url: upstream.url, asked };
}

test.each(['throws', 'rejects'])('a hub in which something %s answers what runs, then ends', async (how) => {
  const group = uniqueGroup();
  const upstream = await slowUpstream(1_500);
  const hub = await hubProcess(redis.url, group, ['--drain', '60s'], { env: withFault(how) });
  await agentHere(redis.url, group, upstream.url);
  const running = startAsking(hub.url);
  await upstream.asked;
  process.kill(hub.pid, 'SIGWINCH');
  expect((await running.outcome).body).toBe('whole');
  await expectEndInDoubt(hub);
});

test('it does not wait for what does not end: a client of a hub in doubt is answered within 5 s', async () => {
  const group = uniqueGroup();
  const upstream = await slowUpstream(60_000);
  const hub = await hubProcess(redis.url, group, ['--drain', '60s'], { env: withFault('throws') });
  await agentHere(redis.url, group, upstream.url);
  const running = startAsking(hub.url);
  await upstream.asked;
  const faultAt = performance.now();
  process.kill(hub.pid, 'SIGWINCH');
  const { status, headers } = await running.outcome;
  expect([status, headers['router-error']]).toEqual([503, 'shutting-down']);
  expect(performance.now() - faultAt).toBeLessThan(5_500);
  await expectEndInDoubt(hub);
});

test('an agent finishes what it runs, then ends', async () => {
  const group = uniqueGroup();
  const upstream = await slowUpstream(1_500);
  const hub = await hubHere(redis.url, group, { queueWaitMs: 30_000 });
  const agent = await agentProcess(redis.url, group, upstream.url, {
    name: 'a',
    env: withFault('rejects'),
    waitUntilJoined: false,
  });
  // A group without an agent refuses at once; a busy machine takes its time to start one.
  await waitFor(async () => (await instancesOf(redis.url, group)).length > 0, {
    what: 'the agent',
    timeoutMs: 30_000,
  });
  const running = startAsking(hub.url);
  await upstream.asked;
  process.kill(agent.pid, 'SIGWINCH');
  expect((await running.outcome).body).toBe('whole');
  await expectEndInDoubt(agent);
});

test('router-api ends, too', async () => {
  const api = launch('router-api', ['--redis', redis.url, '--port', '0'], { env: withFault('throws') });
  onTestFinished(() => api.kill('SIGKILL'));
  await api.waitForLine('api ready');
  process.kill(api.pid, 'SIGWINCH');
  await expectEndInDoubt(api);
});

test('a worker that cannot start is tried again less and less often, and the other one serves', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere((req, res) => res.end(req.url));
  await agentHere(redis.url, group, upstream.url);
  const hub = await hubProcess(redis.url, group, ['--workers', '2'], { env: withFault('at-start') });
  const deaths = () => hub.stdout.split('\n').filter((line) => line.includes('a hub worker ended')).length;
  const until = performance.now() + 6_000;
  let asked = 0;
  while (performance.now() < until) {
    expect((await ask(`${hub.url}/${asked}`)).body).toBe(`/${asked}`);
    asked += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(asked).toBeGreaterThan(20);
  expect(deaths()).toBeGreaterThan(1);
  // Without a back-off there is one every 0.2 s or so.
  expect(deaths()).toBeLessThan(14);
  await hub.kill('SIGTERM');
});
