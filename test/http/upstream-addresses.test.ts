import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const directory = useTemporaryDirectory();

/** A server on a Unix socket, or at an address. */
async function serve(at: { path: string } | { host: string; port: number }, listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, resolve);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return server.address();
}

const tell: RequestListener = (req, res) => {
  if (req.url?.endsWith('/to-self')) res.writeHead(302, { Location: `http://localhost/base/there` });
  res.end(`${req.headers.host} ${req.url}`);
};

async function hubTo(upstream: string, group = uniqueGroup()) {
  const redis = await redisHere();
  const hub = await hubHere(redis.url, group, { queueWaitMs: 500 });
  await agentHere(redis.url, group, upstream);
  const reports = async () => [...(await reportsOf(redis.url, group)).values()];
  return { url: hub.url, reports };
}

test('an upstream at a Unix socket is called, below its base path', async () => {
  const path = join(directory.path, 'base.sock');
  await serve({ path }, tell);
  const { url } = await hubTo(`unix:${path}:/base/`);
  expect((await ask(`${url}/a?b`)).body).toBe('localhost /base/a?b');
  expect((await ask(`${url}/to-self`)).headers['location']).toBe('/there');
});

test('a Unix socket that nobody listens on is named as the reason, and is called once somebody does', async () => {
  const path = join(directory.path, 'late.sock');
  const { url, reports } = await hubTo(`unix:${path}`);
  expect(await ask(url)).toMatchObject({ status: 503 });
  expect(await reports()).toMatchObject([{ state: 'upstream-down', reason: `ENOENT ${path}` }]);
  await serve({ path }, tell);
  await waitFor(async () => (await ask(`${url}/x`)).body === 'localhost /x', { what: 'an answer' });
});

test('an upstream at an IPv6 address is called', async () => {
  const { port } = (await serve({ host: '::1', port: 0 }, tell)) as AddressInfo;
  const { url } = await hubTo(`http://[::1]:${port}`);
  expect((await ask(`${url}/x`)).body).toBe(`[::1]:${port} /x`);
});
