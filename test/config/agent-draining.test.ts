import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { agentRecords, reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { expectNothingLeft, redisHere, upstreamHere, waitForInstance } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

/** A hub, and an agent process with the token of a record. `/hold` is answered when released. */
async function start({ tokenAs }: { tokenAs: 'flag' | 'variable' }) {
  const redis = await redisHere();
  const group = uniqueGroup();
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: 1_500 }],
    routes: [{ name: 'all', groups: [{ group }] }],
  });
  const held: (() => void)[] = [];
  const counter = countCalls((req, res) => {
    if (req.url === '/hold') held.push(() => res.end('released'));
    else res.end('served');
  });
  const upstream = await upstreamHere(counter.listener);
  const records = agentRecords(redis.url);
  const token = await records.set('machine', { group });
  const hub = await configuredHub(redis.url);
  const flags = ['--redis', redis.url, '--upstream', upstream.url, '--name', 'a', '--log-level', 'trace'];
  const agent =
    tokenAs === 'flag'
      ? launch('router-core', ['agent', ...flags, '--token', token])
      : launch('router-core', ['agent', ...flags], { env: { ROUTER_AGENT_TOKEN: token } });
  onTestFinished(() => agent.kill('SIGKILL'));
  await waitForInstance(redis.url, group, 'a');
  const release = () => held.splice(0).forEach((each) => each());
  return { redis, group, records, token, counter, hub, agent, release };
}

test('a record that is to drain: what runs finishes, nothing new is pulled, the process ends well', async () => {
  const { redis, group, records, counter, hub, agent, release } = await start({ tokenAs: 'variable' });
  const running = ask(`${hub.url}/hold`);
  await waitFor(() => counter.running === 1, { what: 'one to run' });

  await records.set('machine', { group, draining: true });
  await agent.waitForLine('draining', { timeoutMs: 1_500 });
  const waiting = ask(`${hub.url}/waits`);
  release();

  expect(await running).toMatchObject({ status: 200, body: 'released' });
  expect(await agent.ended).toEqual({ code: 0, signal: null });
  expect((await reportsOf(redis.url, group)).size).toBe(0);
  expect(counter.calls).toEqual(['/hold']);

  // It is served by whoever comes next.
  const next = await launchNext(redis.url, await records.set('machine', { group }), counter);
  expect(await waiting).toMatchObject({ status: 200, body: 'served' });
  await next.kill('SIGTERM');
  await expectNothingLeft(redis.url, group);
});

test('an agent that is started while its record drains says so and ends well', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  await configure(redis.url, { groups: [{ name: group, leaseMs: 1_500 }] });
  const hub = await configuredHub(redis.url);
  expect(hub.url).toContain('http');
  const token = await agentRecords(redis.url).set('machine', { group, draining: true });
  const upstream = await upstreamHere((_req, res) => res.end());
  const flags = ['--redis', redis.url, '--upstream', upstream.url, '--log-level', 'warn'];
  const agent = launch('router-core', ['agent', ...flags], { env: { ROUTER_AGENT_TOKEN: token } });
  onTestFinished(() => agent.kill('SIGKILL'));
  expect(await agent.ended).toEqual({ code: 0, signal: null });
  expect(agent.stdout).toContain(
    'this agent ends at once, its record drains: router-cli agent resume machine, then start it again',
  );
});

async function launchNext(redisUrl: string, token: string, { listener }: ReturnType<typeof countCalls>) {
  const upstream = await upstreamHere(listener);
  const env = { ROUTER_AGENT_TOKEN: token };
  const agent = launch('router-core', ['agent', '--redis', redisUrl, '--upstream', upstream.url], { env });
  onTestFinished(() => agent.kill('SIGKILL'));
  return agent;
}

test.each(['flag', 'variable'] as const)(
  'a token that is given as a %s is neither in the list of processes nor in the log',
  async (tokenAs) => {
    const { token, counter, hub, agent } = await start({ tokenAs });
    const secret = token.split('_')[3] ?? 'none';
    expect((await ask(hub.url)).body).toBe('served');
    expect(counter.calls).toHaveLength(1);

    const commandLine = readFileSync(`/proc/${agent.pid}/cmdline`, 'utf8');
    expect(commandLine).toContain('router-core agent');
    expect(commandLine).not.toContain(secret);
    await agent.kill('SIGTERM');
    expect(agent.stdout).toContain('agent ready');
    expect(agent.stdout + agent.stderr).not.toContain(secret);
  },
);
