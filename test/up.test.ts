import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoProcessLeft, isAlive, launch } from './support/processes.ts';
import type { LaunchedProcess } from './support/processes.ts';
import { startRedis } from './support/redis.ts';
import { readEvents } from './support/server-sent-events.ts';
import { useTemporaryDirectory } from './support/temporary-directory.ts';
import { waitFor } from './support/wait.ts';

const temporary = useTemporaryDirectory();
afterEach(expectNoProcessLeft);

interface Contexts {
  current: string | null;
  contexts: Record<string, { url: string; token: string }>;
}

interface Running {
  up: LaunchedProcess;
  hub: string;
  /** Process ids of every part in the table that `up` prints. */
  pids: number[];
}

async function startUp(...args: string[]): Promise<Running> {
  const up = launch('router-cli', ['up', '--port', '0', ...args], { ownGroup: true });
  await up.waitForLine('Ctrl-C stops everything', { timeoutMs: 25_000 });
  const rows = [...up.stdout.matchAll(/^ {2}(\S+) .* (\w+:\/\/\S+) +(\d+|-)$/gm)];
  const hub = rows.find(([, name]) => name === 'hub')?.[2] ?? '';
  const pids = rows.map(([, , , pid]) => Number(pid)).filter((pid) => !Number.isNaN(pid));
  return { up, hub, pids };
}

describe('router-cli up --demo', () => {
  test('answers through hub, Redis and agent, and a Ctrl-C leaves nothing', async () => {
    const { up, hub, pids } = await startUp('--demo');
    expect(pids).toHaveLength(5);

    const echo = await fetch(`${hub}/echo?a=%2F`, { method: 'POST', body: 'hello' });
    expect(echo.status).toBe(200);
    expect(await echo.json()).toMatchObject({ method: 'POST', path: '/echo?a=%2F', body: 'hello' });
    expect((await (await fetch(`${hub}/large/20MiB`)).arrayBuffer()).byteLength).toBe(20 * 1024 * 1024);

    // The terminal signals the whole foreground group: the parts must not be in it.
    process.kill(-up.pid, 'SIGINT');
    expect(await up.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await temporary.entries()).toEqual([]);
  });

  test('streams tokens as the upstream writes them', async () => {
    const { up, hub } = await startUp('--demo');
    const startedMs = performance.now();
    const response = await fetch(`${hub}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}',
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = await readEvents(response);
    expect((events[0]?.atMs ?? Infinity) - startedMs).toBeLessThan(500);
    // The demo takes more than a second for its answer.
    expect((events.at(-1)?.atMs ?? 0) - (events[0]?.atMs ?? 0)).toBeGreaterThan(800);
    expect(events.at(-1)?.data).toBe('[DONE]');
    await up.kill('SIGTERM');
  });

  test('prints commands that work when pasted', async () => {
    const { up, hub } = await startUp('--demo');
    expect(up.stdout).toContain(
      `curl -N ${hub}/v1/chat/completions -H 'content-type: application/json' -d '{`,
    );
    expect(up.stdout).toContain(`curl ${hub}/echo -d 'Hello'`);
    await up.kill('SIGTERM');
  });

  test('takes everything with it when it is killed', async () => {
    const { up, pids } = await startUp('--demo');
    await up.kill('SIGKILL');
    await waitFor(() => !pids.some(isAlive), { timeoutMs: 15_000, what: 'the end of every part' });
    await waitFor(async () => (await temporary.entries()).length === 0, { what: 'the directory to go' });
  });

  test('stops the rest and says which part has failed', async () => {
    const { up, pids } = await startUp('--demo');
    const agent = /^ {2}upstream-1 .* (\d+)$/m.exec(up.stdout)?.[1];
    process.kill(Number(agent), 'SIGKILL');
    expect((await up.ended).code).toBe(1);
    expect(up.stderr).toContain('upstream-1 was ended by SIGKILL');
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

describe('router-cli up', () => {
  test('uses the Redis and the upstreams that it is given, and leaves them alone', async () => {
    const redis = await startRedis();
    const demo = launch('router-cli', ['demo-upstream', '--port', '0']);
    const { url } = JSON.parse(await demo.waitForLine('demo upstream ready')) as { url: string };
    const { up, hub, pids } = await startUp('--upstream', url, '--redis', redis.url);
    expect(pids).toHaveLength(3);
    expect((await fetch(`${hub}/v1/models`)).status).toBe(200);
    await up.kill('SIGTERM');
    expect((await fetch(`${url}/v1/models`)).status).toBe(200);
    expect(isAlive(redis.pid ?? 0)).toBe(true);
    await demo.kill('SIGTERM');
    await redis.stop();
  });

  test('has a context for router-cli while it runs, which takes the place of no other', async () => {
    const { up } = await startUp('--demo');
    const file = join(process.env['XDG_CONFIG_HOME'] ?? '', 'mini-router', 'contexts.json');
    const contexts = async () => JSON.parse(await readFile(file, 'utf8')) as Contexts;
    const own = await contexts();
    expect(own.current).toBe('local');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(up.stdout).toMatch(/In a second terminal:\n\n {2}\S*router-cli status\n/);
    const { url, token } = own.contexts['local'] ?? { url: '', token: '' };
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(200);
    expect(up.stdout + up.stderr).not.toContain(token);

    const second = await startUp('--demo');
    expect(second.up.stdout).toMatch(/router-cli status --context local-2\n/);
    expect(await contexts()).toMatchObject({ current: 'local', contexts: { local: { url } } });
    await second.up.kill('SIGTERM');
    expect(Object.keys((await contexts()).contexts)).toEqual(['local']);

    // Killed, it leaves its context; the next one does not take that for somebody's choice.
    await up.kill('SIGKILL');
    const third = await startUp('--demo');
    expect(await contexts()).toMatchObject({ current: 'local' });
    expect((await contexts()).contexts['local']?.token).not.toBe(token);
    await third.up.kill('SIGTERM');
    expect(await contexts()).toEqual({ current: null, contexts: {} });
  });

  test('says when the port that router-api was to have is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await waitFor(() => server.listening, { what: 'the port' });
    const { port } = server.address() as AddressInfo;
    const up = launch('router-cli', ['up', '--demo', '--port', '0', '--api-port', String(port)]);
    expect((await up.ended).code).toBe(1);
    expect(up.stderr).toContain(`port ${port} is in use: choose another with --api-port`);
    server.close();
  });

  test('says when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await waitFor(() => server.listening, { what: 'the port' });
    const { port } = server.address() as AddressInfo;
    const up = launch('router-cli', ['up', '--demo', '--port', String(port)]);
    expect((await up.ended).code).toBe(1);
    expect(up.stderr).toContain(`port ${port} is in use: choose another with --port`);
    server.close();
  });

  test('says what to install when there is no Redis', async () => {
    const up = launch('router-cli', ['up', '--demo', '--port', '0'], { env: { PATH: '/nonexistent' } });
    expect((await up.ended).code).toBe(1);
    expect(up.stderr.trim().split('\n')).toHaveLength(1);
    expect(up.stderr).toContain('install redis-server or valkey-server');
  });

  test('needs something to send requests to', async () => {
    const up = launch('router-cli', ['up']);
    expect((await up.ended).code).toBe(2);
    expect(up.stderr).toContain('give --upstream URL, or --demo');
  });

  test('leaves nothing when it is stopped before everything runs', async () => {
    for (const afterMs of [200, 500, 800]) {
      const up = launch('router-cli', ['up', '--demo', '--port', '0']);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await up.kill('SIGTERM');
    }
    await waitFor(async () => (await temporary.entries()).length === 0, { what: 'the directories to go' });
  });
});
