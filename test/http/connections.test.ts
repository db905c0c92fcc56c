import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let path: DataPath;
const started: string[] = [];
const held = new Map<string, ServerResponse>();

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, (req, res) => {
    const url = req.url ?? '';
    started.push(url);
    if (url.startsWith('/hold')) held.set(url, res);
    else if (url.startsWith('/chunks')) {
      res.write('some ');
      res.end('chunks');
    } else req.resume().on('end', () => res.end(`answer to ${req.method} ${url}`));
  });
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const get = (target: string, ...lines: string[]) =>
  rawRequest([`GET ${target} HTTP/1.1`, 'Host: h', ...lines]);
const heldAt = (url: string) => waitFor(() => held.get(url), { what: `${url} at the upstream` });

test('many requests follow each other on one connection', async () => {
  const client = await openRaw(path.port);
  for (let i = 0; i < 20; i++) {
    client.write(
      i % 2 ? get(`/k${i}`) : rawRequest([`POST /k${i} HTTP/1.1`, 'Host: h', 'Content-Length: 3'], 'abc'),
    );
    expect((await client.reply()).body.toString()).toBe(`answer to ${i % 2 ? 'GET' : 'POST'} /k${i}`);
  }
  client.close();
});

test('pipelined requests are answered in their order, even when a later one is ready first', async () => {
  const client = await openRaw(path.port);
  client.write(get('/hold-first') + get('/second') + get('/third'));
  const first = await heldAt('/hold-first');
  first.end('at last');
  const bodies = [];
  for (let i = 0; i < 3; i++) bodies.push((await client.reply()).body.toString());
  expect(bodies).toEqual(['at last', 'answer to GET /second', 'answer to GET /third']);
  client.close();
});

test('Connection: close ends the connection after the reply', async () => {
  const client = await openRaw(path.port);
  client.write(get('/closing', 'Connection: close'));
  const reply = await client.reply();
  expect(reply.body.toString()).toBe('answer to GET /closing');
  expect(valuesOf(reply.headers, 'connection').join().toLowerCase()).toBe('close');
  expect(await client.ended).toBe('end');
  client.close();
});

test('a client of HTTP/1.0 gets an unchunked reply and the end of the connection', async () => {
  for (const target of ['/old', '/chunks']) {
    const client = await openRaw(path.port);
    client.write(rawRequest([`GET ${target} HTTP/1.0`, 'Host: h']));
    const reply = await client.reply();
    expect(reply.status).toBe(200);
    expect(valuesOf(reply.headers, 'transfer-encoding')).toEqual([]);
    expect(reply.body.toString()).toBe(target === '/old' ? 'answer to GET /old' : 'some chunks');
    expect(await client.ended).toBe('end');
    client.close();
  }
});

test('a client of HTTP/1.0 without Host is served', async () => {
  const reply = await sendRaw(path.port, rawRequest(['GET /no-host HTTP/1.0']));
  expect(reply.body.toString()).toBe('answer to GET /no-host');
});

test('a reply that breaks off never looks complete to a client of HTTP/1.0', async () => {
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET /hold-old HTTP/1.0', 'Host: h']));
  const res = await heldAt('/hold-old');
  res.write('half of it');
  await waitFor(() => client.received().includes('half of it'), { what: 'the first half' });
  res.destroy();
  // Here the end of the connection is the end of the body: only a reset says that it is not.
  expect(await client.ended).toBe('reset');
  client.close();
});

test('bytes that are not HTTP after a request never get into its reply', async () => {
  const client = await openRaw(path.port);
  client.write(get('/hold-garbage'));
  const res = await heldAt('/hold-garbage');
  res.writeHead(200, { 'Content-Length': '2000' });
  res.write('x'.repeat(1_000));
  await waitFor(() => client.received().includes('x'.repeat(1_000)), { what: 'the first half' });
  client.write('\x00\x01 this is not HTTP\r\n\r\n');
  await Promise.race([client.ended, waitFor(() => client.received().includes('400'), { what: 'a 400' })]);
  res.end('x'.repeat(1_000));
  await client.ended;
  const body = client.received().slice(client.received().indexOf('\r\n\r\n') + 4);
  expect(body.replaceAll('x', '').slice(0, 60)).toBe('');
  client.close();
});

test('bytes that are not HTTP behind a request that still waits do not overtake its reply', async () => {
  const client = await openRaw(path.port);
  client.write(get('/hold-behind'));
  const res = await heldAt('/hold-behind');
  client.write('\x00 garbage\r\n\r\n');
  await waitFor(() => res.destroyed || client.received() !== '', { what: 'something to happen' });
  // A 400 here would be taken for the answer to /hold-behind, which runs: it may only break off.
  expect(client.received()).not.toMatch(/Router-Executed: no/i);
  client.close();
  res.end();
});

test('an upstream of HTTP/1.0 that ends its reply by closing is served whole, and again', async () => {
  const old = await startRawUpstream((socket) => {
    socket.end(rawRequest(['HTTP/1.0 200 OK', 'X-Old: 1'], 'y'.repeat(100_000)));
  });
  const oldPath = await startDataPath(redis, old.url);
  for (let i = 0; i < 3; i++) {
    const reply = await sendRaw(oldPath.port, get(`/o${i}`));
    expect(reply.body.length).toBe(100_000);
  }
  await oldPath.close();
  await old.close();
});
