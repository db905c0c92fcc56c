import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../support/ports.ts';
import { runCli, useCliBench } from '../support/cli.ts';

// Every command is a process of its own: many in a test are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const bench = useCliBench();

let folders = 0;

/** A user who has no context yet. */
function newUser() {
  folders += 1;
  const folder = join(bench.folder, `config-${folders}`);
  const env = { XDG_CONFIG_HOME: folder };
  const run = (...args: string[]) => runCli(args, { env });
  const login = (...flags: string[]) =>
    runCli(['login', bench.api.url, '--with-token', ...flags], { env, input: `${bench.api.token}\n` });
  return { env, run, login, file: join(folder, 'mini-router', 'contexts.json') };
}

test('a login is kept where only its user can read it', async () => {
  const user = newUser();
  expect(await user.login('--name', 'here')).toMatchObject({
    code: 0,
    stdout: `Logged in to ${bench.api.url} as root (admin); the current context is here.\n`,
  });
  expect((await stat(user.file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(user.file, '..'))).mode & 0o777).toBe(0o700);
  expect((await user.run('group', 'list')).stdout).toMatch(/^default /m);
  const list = await user.run('context', 'list');
  expect(list.stdout).toMatch(/^\* +here +http/m);
  expect(list.stdout).not.toContain(bench.api.token);
});

test('several contexts', async () => {
  const user = newUser();
  await user.login('--name', 'one');
  await user.login('--name', 'two', '--redis', 'redis://redis.example:6379');
  expect(JSON.parse((await user.run('context', 'show', '--json')).stdout)).toMatchObject({ context: 'two' });
  expect((await user.run('context', 'use', 'one')).code).toBe(0);
  expect((await user.run('context', 'show')).stdout).toBe(`one  ${bench.api.url}  root (admin)\n`);
  const added = await user.run('agent', 'add', 'dials', '--group', 'default', '--context', 'two');
  expect(added.stdout).toContain('--redis redis://redis.example:6379 --upstream');
  expect((await user.run('context', 'remove', 'one')).code).toBe(0);
  expect(JSON.parse((await user.run('context', 'list', '--json')).stdout)).toMatchObject([
    { name: 'two', current: false },
  ]);

  const mistakes = await Promise.all([
    user.run('context', 'use', 'three'),
    user.run('context', 'remove', 'three'),
    user.run('group', 'list', '--context', 'three'),
  ]);
  for (const { code, stderr } of mistakes) {
    expect(code).toBe(3);
    expect(stderr).toContain(
      'there is no context named "three"\n  See what there is: router-cli context list',
    );
  }
  const none = await user.run('group', 'list');
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('no API to talk to yet');
});

test('variables win, and a token goes only to the API it is for', async () => {
  const user = newUser();
  await user.login();
  const nowhere = { ...user.env, ROUTER_API_URL: 'http://127.0.0.1:1', ROUTER_API_TOKEN: bench.api.token };
  expect((await runCli(['group', 'list'], { env: nowhere })).code).toBe(6);
  const shown = await runCli(['context', 'show'], { env: nowhere });
  expect(shown).toMatchObject({ code: 0, stdout: 'from variables  http://127.0.0.1:1\n' });
  expect(shown.stderr).toContain('cannot reach http://127.0.0.1:1');
  const half = await runCli(['group', 'list'], {
    env: { ...user.env, ROUTER_API_URL: 'http://127.0.0.1:1' },
  });
  expect(half).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('set ROUTER_API_TOKEN, too') as string,
  });
});

test('who one is, and until when, is what the API says', async () => {
  const expiresAt = new Date(Date.now() + 90 * 86_400_000).toISOString();
  const token = await bench.api.create('admin', { name: 'alice', role: 'operator', expiresAt });
  const env = { ROUTER_API_TOKEN: token };
  expect((await bench.run(['context', 'show'], { env })).stdout).toBe(
    `from variables  ${bench.api.url}  alice (operator), token ends in 90d\n`,
  );
  const { stdout } = await bench.run(['context', 'show', '--json'], { env });
  expect(JSON.parse(stdout)).toMatchObject({ context: null, name: 'alice', role: 'operator', expiresAt });
  await bench.api.post('/v1/admins/alice/revoke', {});
  const revoked = await bench.run(['context', 'show', '--json'], { env });
  expect(JSON.parse(revoked.stdout)).toMatchObject({ url: bench.api.url, name: null, role: null });
  expect(revoked.stderr).toContain('The token is unknown here, was revoked, or has expired');
});

test('a login that cannot be is not kept', async () => {
  const user = newUser();
  const cut = bench.api.token.slice(0, -1);
  const unknown = bench.api.token.replace(/_[^_]+_[^_]+$/, '');
  const { run } = user;
  const input = (text: string) =>
    runCli(['login', bench.api.url, '--with-token'], { env: user.env, input: text });
  for (const text of [cut, unknown, '']) {
    const refused = await input(text);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('that is no whole admin token');
  }
  const silent = await run('login', bench.api.url);
  expect(silent).toMatchObject({ code: 2, stderr: expect.stringContaining('pipe it into') as string });
  const url = await run('login', 'example.com');
  expect(url).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a URL such as') as string });
  const { stdout } = await runCli(['admin', 'token']);
  expect(await input(stdout)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining(`Log in with a valid token: router-cli login ${bench.api.url}`) as string,
  });
  await expect(readFile(user.file)).rejects.toThrow('ENOENT');
});

test('a file that is broken is said to be, and is left alone', async () => {
  const user = newUser();
  await mkdir(join(user.file, '..'), { recursive: true });
  await writeFile(user.file, '{"contexts": 3}');
  const broken = await user.login();
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain('repair or delete it, then log in again');
  expect(await readFile(user.file, 'utf8')).toBe('{"contexts": 3}');
});

test('what refuses, does not answer, or is something else, is told apart', async () => {
  const viewer = await bench.api.create('admin', { name: 'viewer', role: 'viewer' });
  const refused = await bench.run(['group', 'add', 'x'], { env: { ROUTER_API_TOKEN: viewer } });
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain('This takes the role operator; yours is viewer');
  expect(refused.stderr).toContain('\n  Ask an admin');

  const closed = `http://127.0.0.1:${await freePort()}`;
  const away = await bench.run(['status'], { env: { ROUTER_API_URL: closed } });
  expect(away.code).toBe(6);
  expect(away.stderr).toContain(`cannot reach ${closed}: nothing listens at that address\n  Is router-api`);
  expect(away.stdout).toBe('');

  let seen: string | undefined;
  const other = createServer((req, res) => {
    seen = req.headers.authorization;
    res.writeHead(302, { location: 'http://127.0.0.1:1/' }).end('<html>');
  });
  other.listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const wrong = await bench.run(['status'], { env: { ROUTER_API_URL: url } });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('answered 302, and not as router-api does: is that its URL?');
  expect(seen).toBe(`Bearer ${bench.api.token}`);
});
