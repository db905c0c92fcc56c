import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

// A server may ignore Upgrade (RFC 9110 §7.8): then the request is an ordinary one. curl --http2 asks for h2c like this.
const H2C = [
  'Host: h',
  'Connection: Upgrade, HTTP2-Settings',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQAAP__',
];

let redis: TestRedis;
let path: DataPath;
const { seen, listener } = recordRequests();

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, listener);
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

test('a GET that offers h2c is answered by an upstream that ignores the offer', async () => {
  const reply = await sendRaw(path.port, rawRequest(['GET /plain HTTP/1.1', ...H2C]));
  expect(reply.status).toBe(200);
  expect(reply.body.toString()).toBe('ok');
});

test.each([
  ['with its head', 5],
  ['larger than one frame', 300_000],
])('a POST that offers h2c keeps its body, %s', async (_what, size) => {
  const head = ['POST /body HTTP/1.1', ...H2C, `Content-Length: ${size}`];
  const reply = await sendRaw(path.port, rawRequest(head, 'x'.repeat(size)));
  expect(reply.status).toBe(200);
  expect(seen.at(-1)?.url).toBe('/body');
  expect(seen.at(-1)?.body.length).toBe(size);
});

test('a malformed request that asks to switch is refused like any other', async () => {
  const reply = await sendRaw(path.port, rawRequest(['GET /x#y HTTP/1.1', ...H2C]));
  expect(reply.status).toBe(400);
  expect(valuesOf(reply.headers, 'content-type')).toEqual(['application/problem+json']);
});

test('a refusal to switch that breaks off never looks complete', async () => {
  let stop = () => {};
  const upstream = await startRawUpstream((socket) => {
    socket.write(`${rawRequest(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'])}4\r\nhalf\r\n`);
    stop = () => socket.destroy();
  });
  const broken = await startDataPath(redis, upstream.url);
  const client = await openRaw(broken.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: websocket']));
  await waitFor(() => client.received().includes('half'), { what: 'the first half' });
  stop();
  const ended = await client.ended;
  // Whole = the last chunk, or an orderly end where the end of the connection is the end of the body.
  const chunked = /transfer-encoding: chunked/i.test(client.received());
  expect(chunked ? client.received().endsWith('0\r\n\r\n') : ended === 'end').toBe(false);
  client.close();
  await broken.close();
  await upstream.close();
});

test.each([
  [
    'a switched connection is open',
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: echo',
  ],
  ['a client keeps its refused connection open', 'HTTP/1.1 403 Forbidden', 'Content-Length: 0', 'X-A: 1'],
])('a hub ends within its drain time, though %s', async (_what, ...lines) => {
  const upstream = await startRawUpstream((socket) => void socket.write(rawRequest(lines)));
  const draining = await startDataPath(redis, upstream.url);
  const client = await openRaw(draining.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: echo']));
  await client.reply();
  let over = false;
  const close = draining.hub.close().then(() => (over = true));
  await waitFor(() => over, { what: 'the hub to end', timeoutMs: 5_000 }).finally(() => client.close());
  await close;
  await upstream.close();
});
