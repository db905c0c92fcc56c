import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createApi } from '../router-api/api.ts';
import { expectNoProcessLeft, launch } from './support/processes.ts';
import type { LaunchedProcess } from './support/processes.ts';
import { startRedis } from './support/redis.ts';
import { waitFor } from './support/wait.ts';

afterEach(expectNoProcessLeft);

async function startApi(redisUrl: string): Promise<{ api: LaunchedProcess; url: string }> {
  const api = launch('router-api', ['--redis', redisUrl, '--port', '0']);
  const { address, port } = JSON.parse(await api.waitForLine('api ready')) as AddressInfo;
  return { api, url: `http://${address}:${port}` };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

describe('router-api', () => {
  test('is live at once, and ready only while Redis answers', async () => {
    const redis = await startRedis();
    const { api, url } = await startApi(redis.url);
    expect(url).toContain('127.0.0.1');
    expect(await statusOf(`${url}/live`)).toBe(200);
    await waitFor(async () => (await statusOf(`${url}/ready`)) === 200, { what: 'readiness' });

    await redis.kill('SIGKILL');
    await waitFor(async () => (await statusOf(`${url}/ready`)) === 503, { what: 'the loss of readiness' });
    expect(await statusOf(`${url}/live`)).toBe(200);

    await redis.restart();
    await waitFor(async () => (await statusOf(`${url}/ready`)) === 200, { what: 'readiness again' });
    await api.kill('SIGTERM');
    expect(await api.ended).toEqual({ code: 0, signal: null });
    await redis.stop();
  });

  test('says why it is not ready as a problem document', async () => {
    const redis = await startRedis();
    await redis.stop();
    const { api, url } = await startApi(redis.url);
    for (const path of ['/ready', '/v1/status']) {
      const response = await fetch(url + path);
      expect(response.status).toBe(503);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(response.headers.get('router-error')).toBe('store-unavailable');
      expect(await response.json()).toMatchObject({ status: 503, code: 'store-unavailable' });
    }
    await api.kill('SIGTERM');
  });

  test('lists the groups of the hubs and what their agents offer', async () => {
    const redis = await startRedis();
    const hub = launch('router-core', ['hub', '--redis', redis.url, '--port', '0', '--group', 'gpu']);
    await hub.waitForLine('hub ready');
    const upstream = ['--upstream', 'http://127.0.0.1:1', '--concurrency', '3'];
    const agent = launch('router-core', ['agent', '--redis', redis.url, '--group', 'gpu', ...upstream]);
    await agent.waitForLine('agent ready');
    const { api, url } = await startApi(redis.url);
    const status = await waitFor(
      async () => {
        const response = await fetch(`${url}/v1/status`);
        const body = (await response.json()) as object;
        return JSON.stringify(body).includes('"instances":1') && body;
      },
      { what: 'the instance' },
    );
    expect(status).toEqual({ groups: [{ name: 'gpu', waiting: 0, running: 0, slots: 3, instances: 1 }] });
    await Promise.all([api, agent, hub].map((part) => part.kill('SIGTERM')));
    await redis.stop();
  });

  test('says when its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await waitFor(() => server.listening, { what: 'the port' });
    const { port } = server.address() as AddressInfo;
    const api = launch('router-api', ['--redis', 'redis://127.0.0.1:1', '--port', String(port)]);
    expect((await api.ended).code).toBe(1);
    expect(api.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
    server.close();
  });

  test('answers a problem document for a path that there is not', async () => {
    const api = createApi({ ready: () => Promise.resolve(true), groups: () => Promise.resolve([]) });
    const response = await api.request('/v1/nothing');
    expect(response.status).toBe(404);
    expect(response.headers.get('router-error')).toBe('not-found');
  });

  test('a store that fails between two questions is unavailable, not an internal error', async () => {
    const groups = () => Promise.reject(new Error('connection lost'));
    const api = createApi({ ready: () => Promise.resolve(true), groups });
    const response = await api.request('/v1/status');
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('connection lost');
  });
});
