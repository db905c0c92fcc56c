import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { useCliBench } from '../support/cli.ts';
import { configuredHub } from '../support/config.ts';
import { upstreamHere, waitForInstance } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { hasTmux, terminalHere } from '../support/terminal.ts';
import { waitFor } from '../support/wait.ts';

vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

/** An agent process with a record of this name, and a request that it runs until it is released. */
async function startBusy(name: string) {
  const { redis, api } = cli;
  await api.create('group', { name: `of-${name}`, leaseMs: 900 });
  await api.create('route', { name, match: { path: `/${name}` }, groups: [{ group: `of-${name}` }] });
  const token = await api.create('agent', { name, group: `of-${name}` });
  const held: (() => void)[] = [];
  const counter = countCalls((_req, res) => void held.push(() => res.end('released')));
  const upstream = await upstreamHere(counter.listener);
  const hub = await configuredHub(redis.url);
  const flags = ['--redis', redis.url, '--upstream', upstream.url, '--name', 'box'];
  const agent = launch('router-core', ['agent', ...flags], { env: { ROUTER_AGENT_TOKEN: token } });
  onTestFinished(() => agent.kill('SIGKILL'));
  await waitForInstance(redis.url, `of-${name}`, 'box');
  const asked = startAsking(`${hub.url}/${name}`);
  onTestFinished(() => asked.disconnect());
  await waitFor(() => counter.running === 1, { what: 'the request to run' });
  const reported = async () => JSON.stringify((await api.get(`/v1/agents/${name}/instances`)).body);
  await waitFor(async () => (await reported()).includes('"inFlight":1'), { what: 'the agent to say so' });
  return { agent, asked, release: () => held.forEach((each) => each()) };
}

test('waits until the last instance has ended, or says what still runs', async () => {
  const { agent, asked, release } = await startBusy('slow');
  const late = await cli.run(['agent', 'drain', 'slow', '--wait', '--timeout', '1s']);
  expect(late).toMatchObject({ code: 1, stdout: '' });
  expect(late.stderr).toMatch(
    /after 1s the agent slow still has 1 instance with 1 request\n {2}box\.\w+: draining, 1 request\n/,
  );
  expect(late.stderr).toContain('requests list --group of-slow');

  const waiting = cli.run(['agent', 'drain', 'slow', '--wait']);
  release();
  expect(await waiting).toEqual({
    code: 0,
    stdout: 'The agent slow has drained: no instance of it is left.\n',
    stderr: '',
  });
  expect((await asked.outcome).status).toBe(200);
  expect(await agent.ended).toEqual({ code: 0, signal: null });
  // Now there is nothing to wait for.
  expect(await cli.json('agent', 'drain', 'slow', '--wait')).toMatchObject({ name: 'slow', draining: true });
});

test('likely mistakes', async () => {
  const [unknown, alone, wrong] = await Promise.all([
    cli.run(['agent', 'drain', 'nobody', '--wait']),
    cli.run(['agent', 'drain', 'nobody', '--timeout', '1s']),
    cli.run(['agent', 'drain', 'nobody', '--wait', '--timeout', '30']),
  ]);
  expect(unknown.code).toBe(3);
  expect(alone).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--timeout goes with --wait') as string,
  });
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"30" is not a duration') as string,
  });
});

describe.skipIf(!hasTmux)('on a terminal', () => {
  test('what is waited for can be seen, and goes', async () => {
    const { release } = await startBusy('seen');
    const { url, token } = cli.api;
    const terminal = await terminalHere({ env: { ROUTER_API_URL: url, ROUTER_API_TOKEN: token } });
    await terminal.shows(/^[$#]/m);
    await terminal.run('bin/router-cli agent drain seen --wait');
    await terminal.shows(/^\S waiting for 1 instance with 1 request …/m);
    release();
    const screen = await terminal.shows(/^The agent seen has drained: no instance of it is left\.$/m);
    expect(screen).not.toContain('waiting for');
  });
});
