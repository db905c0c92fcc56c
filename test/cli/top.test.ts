import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { useCliBench } from '../support/cli.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, upstreamHere, waitForQueued } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { hasTmux, terminalHere, type TestTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait.ts';

vi.setConfig({ testTimeout: 120_000 });

const cli = useCliBench();

if (!hasTmux) console.warn('test/cli/top.test.ts: tmux is not on PATH: the live view is not tested');

/** A terminal in which `top` runs. */
async function startTop(size: { columns?: number; rows?: number } = {}, env: Record<string, string> = {}) {
  const { url, token } = cli.api;
  const terminal = await terminalHere({
    ...size,
    env: { ROUTER_API_URL: url, ROUTER_API_TOKEN: token, ...env },
  });
  await terminal.shows(/^[$#]/m);
  await terminal.run('bin/router-cli top');
  return terminal;
}

/** The screen, the cursor and the shell are as they were before. */
async function expectLeft(terminal: TestTerminal): Promise<void> {
  await waitFor(async () => (await terminal.foreground()) === 'sh', { what: 'the end of top' });
  expect(await terminal.modes()).toEqual({ otherScreen: false, cursor: true });
  expect(await terminal.screen()).not.toContain('mini-router');
  await terminal.run('echo typed and seen');
  await terminal.shows(/^typed and seen$/m);
}

const lineOf = (screen: string, name: string) =>
  screen.split('\n').find((line) => line.startsWith(name)) ?? '';

describe.skipIf(!hasTmux)('router-cli top', () => {
  test('shows what runs, live, and acts on it', async () => {
    const { redis, api } = cli;
    await api.patch('/v1/groups/default', { leaseMs: 900 });
    await api.create('group', { name: 'idle', paused: true });
    const token = await api.create('agent', { name: 'gpu-1', group: 'default' });
    const counter = countCalls(() => undefined);
    const upstream = await upstreamHere(counter.listener);
    await agentHere(redis.url, 'default', upstream.url, { concurrency: 1, name: 'box', token });
    const hub = await configuredHub(redis.url);
    const terminal = await startTop();
    const first = await terminal.shows(/^default +0 +0 +0 +1 .* active/m);
    expect(first).toContain(`mini-router  ${api.url}  1 hub, configuration`);
    expect(first).toMatch(/ live$/m);
    expect(first).toMatch(/^idle .* paused$/m);
    expect(await terminal.modes()).toEqual({ otherScreen: true, cursor: false });

    const ask = (path: string) => {
      const asked = startAsking(hub.url + path);
      onTestFinished(() => asked.disconnect());
      return asked;
    };
    const running = ask('/run');
    await waitFor(() => counter.calls.length === 1, { what: 'the request to run' });
    ask('/wait');
    await waitForQueued(redis.url, 'default', 1);
    const busy = await terminal.shows(/^default +1 +0 +1 +1 /m);
    expect(busy).toMatch(/running 1\/1 .*waiting 1 /);
    // The last of a line is now.
    expect(busy).toMatch(/waiting 1 [ ▁]*█+$/m);

    await terminal.press('3');
    const requests = await terminal.shows(/GET +\/run\s/);
    expect(requests).toMatch(/^\S+ +default +waiting .*GET +\/wait$/m);
    await terminal.press('/');
    await terminal.press('/run');
    await terminal.shows(/filter: \/run█/);
    await terminal.press('Enter');
    expect(await terminal.shows(/filter: \/run$/m)).not.toContain('/wait');
    await terminal.press('c');
    await terminal.shows(/^Cancel the request \S+\? y\/n$/m);
    await terminal.press('n');
    await terminal.shows(/^q quit/m);
    await terminal.press('c');
    await terminal.press('y');
    await terminal.shows(/^the request \S+ is cancelled$/m);
    expect((await running.outcome).status).toBe(503);

    await terminal.press('2');
    await terminal.shows(/^box\.\w+ +default +gpu-1 .* ready/m);
    await terminal.press('p');
    await terminal.shows(/^Pause the agent gpu-1\? y\/n$/m);
    await terminal.press('y');
    await terminal.shows(/^box\.\w+ +default +gpu-1 .* paused/m);
    await terminal.press('d');
    await terminal.shows(/^Drain the agent gpu-1\? y\/n$/m);
    await terminal.press('n');

    await terminal.press('1');
    // The request that was cancelled has taken some time.
    await terminal.shows(/^default .* \d[\d.]*m?s +\d[\d.]*m?s /m);
    await terminal.press('p');
    await terminal.press('y');
    await terminal.shows(/^pause the group default: done$/m);
    await waitFor(async () => (await cli.json<{ paused: boolean }>('group', 'show', 'default')).paused, {
      what: 'the group to be paused',
    });
    await terminal.press('q');
    await expectLeft(terminal);
  });

  test('sorts, fits any size, and helps', async () => {
    for (const [name, description] of [
      ['a-1', ''],
      ['b-2', ''],
      ['c-3', ''],
    ] as const) {
      await cli.api.create('group', { name, description });
    }
    const terminal = await startTop({ columns: 120, rows: 20 });
    const wide = await terminal.shows(/^c-3 /m);
    expect(wide).toMatch(/^GROUP▲ .*LAST MINUTE/m);
    expect(wide.indexOf('\na-1')).toBeLessThan(wide.indexOf('\nc-3'));
    await terminal.press('r');
    const reversed = await terminal.shows(/^GROUP▼/m);
    expect(reversed.indexOf('\na-1')).toBeGreaterThan(reversed.indexOf('\nc-3'));
    await terminal.press('s');
    await terminal.shows(/ WAITING▼ /);

    await terminal.resize(60, 10);
    const narrow = await terminal.shows(/^GROUP +WAITING▼(?!.*LAST MINUTE).*STATE/m);
    expect(narrow.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
    expect(lineOf(narrow, 'c-3')).toMatch(/no agent$/);
    // Too small for all rows: the selected one is there.
    await terminal.resize(60, 6);
    await terminal.press('End');
    await terminal.shows(/^idle /m);
    await terminal.resize(100, 20);
    await terminal.press('?');
    await terminal.shows(/^p +pause or resume the selected group/m);
    await terminal.press('C-c');
    await expectLeft(terminal);
  });

  test('a signal and a refusal give the terminal back, and what is away is waited for', async () => {
    const terminal = await startTop();
    await terminal.shows(/ live$/m);
    process.kill(await terminal.childPid(), 'SIGTERM');
    await expectLeft(terminal);

    const token = await cli.api.create('admin', { name: 'leaver', role: 'viewer' });
    const other = await startTop({}, { ROUTER_API_TOKEN: token });
    await other.shows(/ live$/m);
    await other.press('1');
    await other.press('p');
    await other.press('y');
    await other.shows(/This takes the role operator; yours is viewer/);
    await cli.api.post('/v1/admins/leaver/revoke', {});
    await other.shows(/router-cli: error: The token is unknown here/, { timeoutMs: 30_000 });
    await waitFor(async () => (await other.foreground()) === 'sh', { what: 'the end of top' });
    expect(await other.modes()).toEqual({ otherScreen: false, cursor: true });

    const patient = await startTop();
    await patient.shows(/ live$/m);
    await cli.redis.kill('SIGSTOP');
    await patient.shows(/^nothing is heard from router-api or its Redis$/m, { timeoutMs: 30_000 });
    await cli.redis.kill('SIGCONT');
    await patient.shows(/ live$/m, { timeoutMs: 30_000 });
    await patient.press('q');
    await expectLeft(patient);

    const wrong = await startTop({}, { ROUTER_API_URL: 'http://127.0.0.1:9' });
    await wrong.shows(/lost$/m);
    await wrong.press('q');
    await expectLeft(wrong);
  });
});

test('top says that it needs a terminal, and follows as lines without one', async () => {
  const refused = await cli.run(['top']);
  expect(refused).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('top needs a terminal') as string,
  });
  const { url, token } = cli.api;
  const env = { ROUTER_API_URL: url, ROUTER_API_TOKEN: token };
  const following = launch('router-cli', ['top', '--json'], { env });
  onTestFinished(() => following.kill('SIGKILL'));
  await waitFor(() => following.stdout.split('\n').length > 2, { what: 'two statuses' });
  const [first = ''] = following.stdout.split('\n');
  expect(JSON.parse(first)).toMatchObject({ groups: expect.arrayContaining([]) as object });
});
