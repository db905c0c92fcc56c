import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { ApiClient, problemOf, untilReady } from '../support/api.ts';
import { newToken } from '../support/config.ts';
import { expectNoProcessLeft, launch, type LaunchedProcess } from '../support/processes.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// router-api and router-cli as processes.

afterEach(expectNoProcessLeft);

async function startProcess(redisUrl: string, flags: string[] = []) {
  const { token } = newToken('admin');
  const env = { ROUTER_ADMIN_TOKEN: token };
  const process = launch('router-api', ['--redis', redisUrl, '--port', '0', ...flags], { env });
  onTestFinished(() => process.kill('SIGKILL'));
  const { address, port } = JSON.parse(await process.waitForLine('api ready')) as AddressInfo;
  return { process, api: new ApiClient(`http://${address}:${port}`, token) };
}

async function stop(process: LaunchedProcess): Promise<void> {
  await process.kill('SIGTERM');
  expect(await process.ended).toEqual({ code: 0, signal: null });
}

test('is live at once, and does its work whenever Redis is there', async () => {
  const redis = await redisHere({ appendOnly: true });
  await redis.kill('SIGKILL');
  const { process, api } = await startProcess(redis.url);
  expect(api.url).toContain('127.0.0.1');
  const paths = ['/ready', '/v1/status', '/v1/groups', '/v1/config', '/v1/audit', '/v1/requests'];
  const expectAway = async () => {
    expect((await api.get('/live', { token: null })).status).toBe(200);
    for (const path of paths) {
      expect([path, problemOf(await api.get(path))]).toEqual([
        path,
        { status: 503, code: 'store-unavailable' },
      ]);
    }
    expect(problemOf(await api.post('/v1/groups', { name: 'x' }))).toMatchObject({
      code: 'store-unavailable',
    });
  };
  await expectAway();
  await redis.restart();
  await untilReady(api);
  await api.create('group', { name: 'gpu' });
  const admin = await api.admin('admin');

  await redis.kill('SIGKILL');
  const isAway = async () => (await api.get('/ready', { token: null })).status === 503;
  await waitFor(isAway, { what: 'the loss of readiness' });
  await expectAway();
  expect((await admin.get('/v1/groups')).status).toBe(503);

  await redis.restart();
  await untilReady(api);
  expect((await admin.get('/v1/groups/gpu')).status).toBe(200);
  await admin.create('group', { name: 'again' });
  await stop(process);
});

test('ends at once on SIGTERM, and whoever follows events is let go', async () => {
  const redis = await redisHere();
  const { process, api } = await startProcess(redis.url);
  await untilReady(api);
  const headers = { authorization: `Bearer ${api.token}` };
  const events = await fetch(`${api.url}/v1/events`, { headers });
  const read = events.text();
  const startedAt = performance.now();
  await stop(process);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(await read).toContain('event: change');
});

test('two processes write at the same time, and no write is lost', async () => {
  const redis = await redisHere();
  const one = await startProcess(redis.url);
  const two = await startProcess(redis.url);
  await untilReady(one.api);
  const apis = [one.api, two.api.as(await one.api.create('admin', { name: 'two', role: 'admin' }))];
  await untilReady(two.api);
  await one.api.create('route', { name: 'r', match: { path: '/r' }, groups: [{ group: 'default' }] });

  // All change the same object, each another field of it.
  const writes = apis.flatMap((api, i) =>
    Array.from({ length: 30 }, (_, n) =>
      api.patch('/v1/routes/r', { setHeaders: { [`x-${i}-${n}`]: 'set' } }),
    ),
  );
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  for (const api of apis) {
    const { setHeaders } = (await api.get('/v1/routes/r')).body as { setHeaders: object };
    expect(Object.keys(setHeaders).length).toBe(60);
  }
  const { items } = (await one.api.get('/v1/audit?kind=route&name=r&limit=1000')).body as { items: object[] };
  expect(items.length).toBe(61);
  const made = await Promise.all([...apis, ...apis].map((api) => api.post('/v1/groups', { name: 'once' })));
  expect(made.filter(({ status }) => status === 201).length).toBe(1);
  expect(made.filter(({ status }) => status === 409).length).toBe(3);
  await Promise.all([stop(one.process), stop(two.process)]);
});

test('the first admin is made without an API, and lets itself in', async () => {
  const redis = await redisHere();
  const env = { ROUTER_REDIS_URL: redis.url, ROUTER_ADMIN_TOKEN: '' };
  const process = launch('router-api', ['--port', '0'], { env });
  onTestFinished(() => process.kill('SIGKILL'));
  const { address, port } = JSON.parse(await process.waitForLine('api ready')) as AddressInfo;
  await process.waitForLine('there is no admin yet');

  const init = launch('router-cli', ['admin', 'init', '--name', 'me'], { env });
  expect((await init.ended).code).toBe(0);
  const api = new ApiClient(`http://${address}:${port}`, init.stdout.trim());
  const isIn = async () => (await api.get('/v1/admins/me')).status === 200;
  await waitFor(isIn, { timeoutMs: 8_000, what: 'the new admin to be let in' });

  const again = launch('router-cli', ['admin', 'init', '--name', 'me'], { env });
  expect((await again.ended).code).toBe(1);
  expect(again.stderr).toBe('router-cli: error: there is an admin named "me" already\n');
  expect(again.stdout).toBe('');
  await stop(process);
});

test('takes an admin token that router-cli has made, and no other', async () => {
  const made = launch('router-cli', ['admin', 'token']);
  expect((await made.ended).code).toBe(0);
  const token = made.stdout.trim();
  const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
  const refused = launch('router-api', ['--redis', 'redis://127.0.0.1:1'], {
    env: { ROUTER_ADMIN_TOKEN: wrong },
  });
  expect((await refused.ended).code).toBe(2);
  expect(refused.stderr).toMatch(/^router-api: error: ROUTER_ADMIN_TOKEN: expected a whole admin token.*\n$/);
  expect(refused.stderr).not.toContain(wrong);
});

test('says when its port is taken, and when it listens beyond this machine', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await waitFor(() => server.listening, { what: 'the port' });
  const { port } = server.address() as AddressInfo;
  const refused = launch('router-api', ['--redis', 'redis://127.0.0.1:1', '--port', String(port)]);
  expect((await refused.ended).code).toBe(1);
  expect(refused.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
  server.close();
  const { process } = await startProcess('redis://127.0.0.1:1', ['--host', '0.0.0.0']);
  await process.waitForLine('listens beyond this machine');
  await stop(process);
});
