import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { startRedisProcess } from '../../router-cli/redis-process.ts';
import { ask } from '../support/ask.ts';
import { engineOf, engineProgram } from '../support/engine.ts';
import { agentProcess, hubProcess, isReady, redisHere, upstreamHere } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { launch } from '../support/processes.ts';
import { uniqueGroup, statusOf } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const program = engineProgram();

test.skipIf(program === undefined)(
  'hub and agent that start before Redis wait for it and then work',
  async () => {
    const group = uniqueGroup();
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const upstream = await upstreamHere((_req, res) => res.end('at last'));
    const hub = await hubProcess(url, group, ['--drain', '1s'], { waitUntilReady: false });
    const agent = await agentProcess(url, group, upstream.url, { name: 'early', waitUntilJoined: false });
    await waitFor(async () => (await statusOf(`${hub.url}/_router/live`)) === 200, {
      what: 'the hub to live',
    });
    expect(await statusOf(`${hub.url}/_router/ready`)).toBe(503);
    const refused = await ask(hub.url);
    expect(refused.headers).toMatchObject({ 'router-error': 'store-unavailable', 'router-executed': 'no' });

    const late = await startRedisProcess(engineOf(program ?? ''), { port, dir: tmpdir() });
    onTestFinished(async () => {
      late.signal('SIGTERM');
      await late.ended;
    });

    await waitFor(() => isReady(hub.url), { timeoutMs: 3_000, what: 'the hub to be ready' });
    await waitFor(async () => (await ask(hub.url)).body === 'at last', {
      timeoutMs: 3_000,
      what: 'an answer',
    });
    await Promise.all([hub.kill('SIGTERM'), agent.kill('SIGTERM')]);
    expect([(await hub.ended).code, (await agent.ended).code]).toEqual([0, 0]);
  },
);

test('hub and agent stop on SIGTERM while Redis is away, also with a request under way', async () => {
  const group = uniqueGroup();
  const redis = await redisHere();
  let called = false;
  const upstream = await upstreamHere(() => (called = true));
  const hub = await hubProcess(redis.url, group, ['--drain', '1s']);
  const agent = await agentProcess(redis.url, group, upstream.url, { name: 'a', flags: ['--drain', '1s'] });
  const asked = ask(hub.url);
  await waitFor(() => called, { what: 'the upstream to be called' });
  await redis.kill('SIGKILL');

  const toldAt = performance.now();
  await Promise.all([hub.kill('SIGTERM'), agent.kill('SIGTERM')]);

  expect([(await hub.ended).code, (await agent.ended).code]).toEqual([0, 0]);
  expect(performance.now() - toldAt).toBeLessThan(5_000);
  expect((await asked).outcome).not.toBe('hung');
});

test.each(['hub', 'agent'])(
  'a %s does not run on a Redis that evicts keys, and says how to fix it',
  async (part) => {
    const redis = await redisHere({ maxMemory: '64mb', args: ['--maxmemory-policy', 'allkeys-lru'] });
    const flags = part === 'agent' ? ['--upstream', 'http://127.0.0.1:1'] : ['--port', '0'];

    const refused = launch('router-core', [part, '--redis', redis.url, ...flags]);

    const { code } = await refused.ended;
    expect(code).toBeGreaterThan(0);
    const output = refused.stdout + refused.stderr;
    expect(output).toContain('allkeys-lru');
    expect(output).toContain('noeviction');
    expect(output).not.toMatch(/^\s+at /m);
  },
);
