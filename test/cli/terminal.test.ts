import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { useCliBench } from '../support/cli.ts';
import { hasTmux, terminalHere } from '../support/terminal.ts';

// Tests of things that only a terminal has: width, colours, and somebody who can be asked.

vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

if (!hasTmux) console.warn('test/cli/terminal.test.ts: tmux is not on PATH: nothing of it is tested');

async function shell(env: Record<string, string> = {}, columns = 80) {
  const { url, token } = cli.api;
  const terminal = await terminalHere({
    columns,
    env: { ROUTER_API_URL: url, ROUTER_API_TOKEN: token, ...env },
  });
  await terminal.shows(/^[$#]/m);
  return terminal;
}

describe.skipIf(!hasTmux)('router-cli in a terminal', () => {
  test('top says what to do when it has no size', async () => {
    const terminal = await shell();
    await terminal.run('stty rows 0 cols 0; bin/router-cli top');
    await terminal.shows(/this terminal does not say how large it is/);
  });

  test('tables fit it, and have colours unless NO_COLOR is set', async () => {
    const description = 'a long text '.repeat(30).trim();
    await cli.api.create('group', { name: 'wordy', description });
    expect(await cli.text('group', 'list')).toContain(description);
    const terminal = await shell();
    await terminal.run('bin/router-cli group list');
    const screen = await terminal.shows(/^wordy .*…$/m);
    expect(screen).not.toMatch(/^ *text/m);
    expect(await terminal.coloured()).toContain('\u001b[32mactive');
    const plain = await shell({ NO_COLOR: '1' });
    await plain.run('bin/router-cli group list');
    await plain.shows(/^wordy .*…$/m);
    expect(await plain.coloured()).not.toContain('\u001b[3');
  });

  test('asks before it removes, and takes no for an answer', async () => {
    await cli.api.create('group', { name: 'doomed' });
    const isThere = async () => (await cli.api.get('/v1/groups/doomed')).status === 200;
    const terminal = await shell({}, 120);
    const question = /^Remove the group "doomed" from \S+\? \[y\/N\]/m;
    for (const [key, answer] of [
      ['Enter', /not confirmed: nothing was changed/],
      ['C-c', /interrupted: nothing was changed/],
    ] as const) {
      await terminal.run('bin/router-cli group remove doomed');
      await terminal.shows(question);
      await terminal.press(key);
      await terminal.shows(answer);
      expect(await isThere()).toBe(true);
    }
    await terminal.run('bin/router-cli group remove doomed');
    await terminal.shows(question);
    await terminal.press('y', 'Enter');
    await terminal.shows(/^Removed the group doomed\.$/m);
    expect(await isThere()).toBe(false);
  });

  test('asks for a token without showing it', async () => {
    const { url, token } = cli.api;
    const terminal = await shell(
      { ROUTER_API_URL: '', ROUTER_API_TOKEN: '', XDG_CONFIG_HOME: cli.folder },
      160,
    );
    await terminal.run(`bin/router-cli login ${url}`);
    await terminal.shows(/^Admin token for \S+:/m);
    await terminal.press(`${token.slice(0, 9)}x`, 'BSpace', token.slice(9), 'Enter');
    const screen = await terminal.shows(/^Logged in to /m);
    expect(screen).not.toContain('mr_admin');
    const file = join(cli.folder, 'mini-router', 'contexts.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ current: expect.any(String) as string });
    await terminal.run('bin/router-cli context list');
    await terminal.shows(/^\* +127/m);
  });

  test('says what it waits for', async () => {
    await cli.redis.kill('SIGSTOP');
    const terminal = await shell({}, 120);
    await terminal.run('bin/router-cli requests list');
    await terminal.shows(/^\S waiting for http\S+ …/m);
    await cli.redis.kill('SIGCONT');
    expect(await terminal.shows(/^no request is in flight$/m)).not.toContain('waiting for');
  });
});
