import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startDemoUpstream } from '../../router-cli/demo-upstream.ts';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { packageVersion } from '../../router-core/runtime/package-info.ts';
import { buildBinaries } from '../../scripts/build-binary.mjs';
import { expectNoProcessLeft, isAlive, spawnProcess, type LaunchedProcess } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const BINARIES = ['mini-router', 'mini-router-agent'];

const isBuildable =
  process.platform === 'linux' && ['esbuild', 'postject'].every((name) => isInstalled(name));
if (!isBuildable) console.log('No binary is built here: that needs Linux, esbuild and postject');

const temporary = useTemporaryDirectory();
let built: string;
let redis: TestRedis;
let upstream: Awaited<ReturnType<typeof startDemoUpstream>>;

beforeAll(async () => {
  if (!isBuildable) return;
  built = await mkdtemp(join(tmpdir(), 'mini-router-test-binary-'));
  [redis, upstream] = await Promise.all([startRedis(), startDemoUpstream({ port: 0 })]);
  await buildBinaries({ to: built });
}, 120_000);
afterEach(expectNoProcessLeft);
afterAll(async () => {
  upstream?.closeAllConnections();
  upstream?.close();
  await redis?.stop();
  if (built !== undefined) await rm(built, { recursive: true, force: true });
});

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Runs a copy that has nothing beside it, on a PATH without any program. */
async function run(
  name: string,
  args: string[],
  { as = name, env = {} }: { as?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<LaunchedProcess> {
  const files = await temporary.entries();
  if (!files.includes(name)) await copyFile(join(built, name), join(temporary.path, name));
  if (as !== name) await symlink(name, join(temporary.path, as));
  return spawnProcess(join(temporary.path, as), args, { cwd: temporary.path, env: { PATH: '', ...env } });
}

const upstreamUrl = () => `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

/** A hub out of the binary, on any free port unless one is given. */
async function startHub(group: string, ...args: string[]): Promise<{ hub: LaunchedProcess; url: string }> {
  const flags = ['--redis', redis.url, '--group', group, '--port', '0', ...args];
  const hub = await run('mini-router', ['hub', ...flags]);
  const { port } = JSON.parse(await hub.waitForLine('"hub listening"')) as { port: number };
  return { hub, url: `http://127.0.0.1:${port}` };
}

async function ask(url: string): Promise<unknown> {
  const response = await fetch(`${url}/echo`, { method: 'POST', body: 'Hello' });
  expect(response.status).toBe(200);
  return ((await response.json()) as { body: unknown }).body;
}

describe.skipIf(!isBuildable)('one file without Node on the machine', () => {
  test.each(BINARIES)('%s prints its version and its help', async (name) => {
    const version = await run(name, ['--version']);
    expect(await version.ended).toEqual({ code: 0, signal: null });
    expect(version.stdout).toBe(`${packageVersion()}\n`);
    expect(version.stderr).toBe('');
    const help = await run(name, ['--help']);
    await help.ended;
    expect(help.stdout).toContain(`Usage: ${name}`);
  });

  test.each([
    ['mini-router', ['agent']],
    ['mini-router-agent', []],
  ])('%s %j answers a request that came to a hub', async (name, words) => {
    const { hub, url } = await startHub(name);
    const flags = ['--redis', redis.url, '--group', name, '--upstream', upstreamUrl()];
    const agent = await run(name, [...words, ...flags]);
    expect(await ask(url)).toBe('Hello');
    await Promise.all([agent.kill('SIGTERM'), hub.kill('SIGTERM')]);
    expect((await agent.ended).code).toBe(0);
    expect((await hub.ended).code).toBe(0);
  });

  test('a hub keeps its workers, and ends them', async () => {
    const port = await freePort();
    const { hub, url } = await startHub('workers', '--port', String(port), '--workers', '2');
    const agent = await run('mini-router', [
      'agent',
      '--redis',
      redis.url,
      '--group',
      'workers',
      '--upstream',
      upstreamUrl(),
    ]);
    const pidsOf = (message: string) =>
      [...hub.stdout.matchAll(new RegExp(`"pid":(\\d+).*"${message}"`, 'g'))].map(([, pid]) => Number(pid));
    await waitFor(() => pidsOf('hub ready').length === 2, { what: 'two workers' });
    expect(await ask(url)).toBe('Hello');

    process.kill(pidsOf('hub ready')[0] ?? 0, 'SIGKILL');
    await waitFor(() => pidsOf('hub ready').length === 3, { what: 'a worker in place of the lost one' });
    expect(await ask(url)).toBe('Hello');
    await Promise.all([agent.kill('SIGTERM'), hub.kill('SIGTERM')]);
    expect(pidsOf('hub ready').filter(isAlive)).toEqual([]);
  });

  test('router-api shows its page, and the command line that is in the same file talks to it', async () => {
    const api = await run('mini-router', ['api', '--redis', redis.url, '--port', '0']);
    const { port } = JSON.parse(await api.waitForLine('"api ready"')) as { port: number };
    const page = await (await fetch(`http://127.0.0.1:${port}/docs`)).text();
    expect(page).toContain('<style>');

    const admin = await run('mini-router', ['cli', 'admin', 'init', '--redis', redis.url]);
    expect((await admin.ended).code).toBe(0);
    const env = { ROUTER_API_URL: `http://127.0.0.1:${port}`, ROUTER_API_TOKEN: admin.stdout.trim() };
    const list = await run('mini-router', ['cli', 'group', 'list'], { env });
    expect(await list.ended).toEqual({ code: 0, signal: null });
    await api.kill('SIGTERM');
  });

  test('is router-cli when it is called so, and starts the parts by their names', async () => {
    const flags = ['--port', '0', '--redis', redis.url, '--upstream', upstreamUrl()];
    const up = await run('mini-router', ['up', ...flags], { as: 'router-cli' });
    await up.waitForLine('Ctrl-C stops everything', { timeoutMs: 25_000 });
    const hub = /\bhub\b.* (http:\S+)/.exec(up.stdout)?.[1] ?? up.stdout;
    expect(await ask(hub)).toBe('Hello');
    await up.kill('SIGINT');
    expect((await up.ended).code).toBe(0);
  });

  test('its stacks have the names of functions', async () => {
    const wrong = await run('mini-router', ['hub'], { env: { NODE_OPTIONS: '--trace-exit' } });
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.stderr).toMatch(/^ +at runProgram /m);
  });
});
