import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { expectProblem } from '../support/problem.ts';
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

test('not even now and then, whatever has come behind its request', async () => {
  for (let i = 0; i < 40; i++) {
    const target = `/hold-more-${i}`;
    const client = await openRaw(path.port);
    client.write(rawRequest([`GET ${target} HTTP/1.0`, 'Host: h', 'Connection: keep-alive']));
    const res = await heldAt(target);
    res.write('half of it');
    await waitFor(() => client.received().includes('half of it'), { what: 'the first half' });
    if (i % 2 === 0) client.write(get('/behind'));
    res.destroy();
    expect(await client.ended).toBe('reset');
    client.close();
  }
});

test('nor to one that sends no more within its reply', async () => {
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET /hold-half HTTP/1.0', 'Host: h']));
  const res = await heldAt('/hold-half');
  res.write('half of it');
  await waitFor(() => client.received().includes('half of it'), { what: 'the first half' });
  client.socket.end();
  expect(await client.ended).toBe('reset');
  client.close();
});

test.each([
  ['within its reply', 1],
  ['before its reply', 0],
])(
  'bytes that are not HTTP behind a request, %s, are answered with 400 behind its whole reply',
  async (what, sent) => {
    const target = `/hold-garbage-${sent}`;
    const client = await openRaw(path.port);
    client.write(get(target));
    const res = await heldAt(target);
    res.writeHead(200, { 'Content-Length': '2000' });
    if (sent > 0) {
      res.write('x'.repeat(1_000));
      await waitFor(() => client.received().includes('x'.repeat(1_000)), { what: 'the first half' });
    }
    client.write('\x00\x01 this is not HTTP\r\n\r\n');
    // Node's parser complains of each piece anew.
    await delay(50);
    client.write('more of it\r\n');
    await delay(50);
    res.end('x'.repeat(what === 'within its reply' ? 1_000 : 2_000));
    const reply = await client.reply();
    expect(reply.body.toString()).toBe('x'.repeat(2_000));
    expectProblem(await client.reply(), 400, 'bad-request');
    client.socket.end();
    expect(await client.ended).toBe('end');
  },
);

test.each([
  ['Connection: close', 'HTTP/1.1', ['Connection: close']],
  ['HTTP/1.0', 'HTTP/1.0', []],
])(
  'one byte behind the last request of a connection, %s, takes nothing from its reply',
  async (_what, version, lines) => {
    const client = await openRaw(path.port);
    client.write(rawRequest([`GET /stray HTTP/1.1`.replace('HTTP/1.1', version), 'Host: h', ...lines], 'x'));
    expect((await client.reply()).body.toString()).toBe('answer to GET /stray');
    expect(await client.ended).toBe('end');
    client.close();
  },
);

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
