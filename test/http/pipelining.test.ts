import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream, type TestUpstream } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let upstream: TestUpstream;
let path: DataPath;
let seen: string[] = [];
const held = new Map<string, ServerResponse>();

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startUpstream((req, res) => {
    const url = req.url ?? '';
    seen.push(`${req.method} ${url}`);
    if (url.startsWith('/hold')) held.set(url, res);
    else if (url.startsWith('/slow')) setTimeout(() => res.end(url), 400);
    else req.resume().on('end', () => res.end(url));
  });
  upstream.server.on('upgrade', (req, socket) => {
    seen.push(`${req.method} ${req.url}`);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\nhello');
  });
  path = await startDataPath(redis, upstream.url, { agent: { concurrency: 4 } });
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});

const line = (method: string, target: string, ...fields: string[]) =>
  rawRequest([`${method} ${target} HTTP/1.1`, 'Host: h', ...fields]);
const heldAt = (url: string) => waitFor(() => held.get(url), { what: `${url} at the upstream` });

test('requests of one connection reach the upstream in their order, and one by one', async () => {
  for (let i = 0; i < 10; i++) {
    seen = [];
    const client = await openRaw(path.port);
    const post = rawRequest(['POST /1 HTTP/1.1', 'Host: h', 'Content-Length: 3'], 'abc');
    client.write(post + line('DELETE', '/2') + line('GET', '/3'));
    for (const body of ['/1', '/2', '/3']) expect((await client.reply()).body.toString()).toBe(body);
    expect(seen).toEqual(['POST /1', 'DELETE /2', 'GET /3']);
    client.close();
  }
});

test('the second request begins when the first is answered, not before', async () => {
  seen = [];
  const client = await openRaw(path.port);
  client.write(line('GET', '/hold-1') + line('DELETE', '/after'));
  const res = await heldAt('/hold-1');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seen).toEqual(['GET /hold-1']);
  res.end('now');
  expect((await client.reply()).body.toString()).toBe('now');
  expect((await client.reply()).body.toString()).toBe('/after');
  client.close();
});

test('a client that leaves stops the running request, and what it has queued never runs', async () => {
  seen = [];
  const client = await openRaw(path.port);
  client.write(line('GET', '/hold-2') + line('POST', '/never', 'Content-Length: 0') + line('GET', '/never'));
  const res = await heldAt('/hold-2');
  client.close();
  await waitFor(() => res.destroyed, { what: 'the upstream call to end', timeoutMs: 2_000 });
  expect((await sendRaw(path.port, line('GET', '/next'))).status).toBe(200);
  expect(seen).toEqual(['GET /hold-2', 'GET /next']);
});

test('1,500 pipelined requests keep no other client out', async () => {
  const crowd = await openRaw(path.port);
  crowd.write(line('GET', '/slow').repeat(1_500));
  await crowd.reply();
  const startedAt = performance.now();
  for (let i = 0; i < 5; i++) expect((await sendRaw(path.port, line('GET', `/quick${i}`))).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect((await crowd.reply()).body.toString()).toBe('/slow');
  crowd.close();
});

test('reading stops while requests wait, and goes on in their order', async () => {
  const client = await openRaw(path.port);
  const count = 2_000;
  const body = 'b'.repeat(16_000);
  client.write(line('GET', '/hold-5'));
  const res = await heldAt('/hold-5');
  const fields = ['Host: h', `Content-Length: ${body.length}`];
  for (let i = 0; i < count; i++) client.write(rawRequest([`PUT /n${i} HTTP/1.1`, ...fields], body));
  await new Promise((resolve) => setTimeout(resolve, 500));
  // 32 MB: more than the buffers of any kernel between the two.
  expect(client.socket.writableLength).toBeGreaterThan(8_000_000);
  res.end('first');
  await client.reply();
  for (let i = 0; i < count; i++) expect((await client.reply()).body.toString()).toBe(`/n${i}`);
  client.close();
}, 60_000);

test('a request to switch protocols waits for the replies that are due before it', async () => {
  seen = [];
  const client = await openRaw(path.port);
  client.write(line('GET', '/hold-3') + line('GET', '/chat', 'Connection: Upgrade', 'Upgrade: echo/1'));
  const res = await heldAt('/hold-3');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seen).toEqual(['GET /hold-3']);
  res.end('first');
  expect((await client.reply()).body.toString()).toBe('first');
  expect((await client.reply()).status).toBe(101);
  await waitFor(() => client.received().endsWith('hello'), { what: 'the greeting' });
  client.close();
});

test('CONNECT behind a request is refused behind its reply', async () => {
  const client = await openRaw(path.port);
  client.write(line('GET', '/hold-4') + rawRequest(['CONNECT h:443 HTTP/1.1', 'Host: h']));
  const res = await heldAt('/hold-4');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(client.received()).toBe('');
  res.end('first');
  expect((await client.reply()).body.toString()).toBe('first');
  expect((await client.reply()).status).toBe(501);
  client.close();
});

test('of two pipelined requests the first runs although the second is not HTTP, and both are answered', async () => {
  seen = [];
  const client = await openRaw(path.port);
  client.write(
    rawRequest(['POST /a HTTP/1.1', 'Host: h', 'Content-Length: 3'], 'abc') +
      rawRequest(['POST /b HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked'], 'zz\r\n'),
  );
  expect((await client.reply()).body.toString()).toBe('/a');
  expect((await client.reply()).status).toBe(400);
  expect(seen).toEqual(['POST /a']);
  client.close();
});

// Node's parser drops what has come with such a request: what follows later would be read from anywhere.
test.each([
  ['of h2c', 'GET /a HTTP/1.1', ['Upgrade: h2c'], ''],
  ['beside a body', 'POST /a HTTP/1.1', ['Upgrade: x', 'Content-Length: 3'], 'abc'],
  [
    'beside chunks',
    'POST /a HTTP/1.1',
    ['Upgrade: x', 'Transfer-Encoding: chunked'],
    '3\r\nabc\r\n0\r\n\r\n',
  ],
  ['in HTTP/1.0', 'GET /a HTTP/1.0', ['Upgrade: x'], ''],
])('behind an ignored upgrade %s nothing is read as a request', async (_what, start, fields, body) => {
  seen = [];
  const client = await openRaw(path.port);
  const inner = line('DELETE', '/smuggled');
  const first = rawRequest([start, 'Host: h', 'Connection: keep-alive, Upgrade', ...fields], body);
  client.write(first + line('POST', '/outer', `Content-Length: ${inner.length}`));
  const reply = await client.reply();
  expect(reply.body.toString()).toBe('/a');
  expect(valuesOf(reply.headers, 'connection')).toEqual(['close']);
  client.write(inner);
  expect(await client.ended).toBe('end');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seen).toEqual([start.slice(0, -9)]);
});
