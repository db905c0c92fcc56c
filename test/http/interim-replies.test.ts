import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MOST_INTERIM_HEADS } from '../../router-core/exchange/heads.ts';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

// Interim replies other than 100, which the hub answers itself, reach the client before the reply, RFC 9110 §15.2.

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const hints = (link: string) => `HTTP/1.1 103 Early Hints\r\nLink: <${link}>; rel=preload\r\n\r\n`;
const GET = rawRequest(['GET / HTTP/1.1', 'Host: h']);
const FIRST_BYTE_MS = 2_000;

let redis: TestRedis;
let path: DataPath;
let answer: (socket: Socket) => unknown;
let calls = 0;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startRawUpstream((socket) => {
    calls += 1;
    answer(socket);
  });
  path = await startDataPath(redis, upstream.url, { hub: { firstByteTimeoutMs: FIRST_BYTE_MS } });
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});
beforeEach(() => {
  calls = 0;
});

test('one that comes together with its reply', async () => {
  answer = (socket) => socket.write(hints('/a.css') + OK);
  const client = await openRaw(path.port);
  client.write(GET);
  const reply = await client.reply();
  expect([reply.status, reply.interim, reply.body.toString()]).toEqual([200, [103], 'ok']);
  expect(client.received().startsWith(hints('/a.css'))).toBe(true);
  expect(valuesOf(reply.headers, 'link')).toEqual([]);
  expect(valuesOf(reply.headers, 'router-agent')).toHaveLength(1);
  client.close();
});

test('one that comes long before its reply is there at once', async () => {
  let goOn = () => {};
  answer = (socket) => {
    socket.write(hints('/a.css'));
    goOn = () => void socket.write(OK);
  };
  const client = await openRaw(path.port);
  client.write(GET);
  await waitFor(() => client.received() === hints('/a.css'), { what: 'the hints', timeoutMs: 1_500 });
  goOn();
  expect(await client.reply()).toMatchObject({ status: 200, interim: [103] });
  client.close();
});

test('several, in their order, on a connection that goes on', async () => {
  const heads = [
    'HTTP/1.1 102 Processing\r\n\r\n',
    hints('/a.css'),
    hints('/b.css'),
    'HTTP/1.1 199 \r\n\r\n',
  ];
  answer = async (socket) => {
    socket.write(heads.slice(0, 2).join(''));
    await delay(50);
    socket.write(heads.slice(2).join('') + OK);
  };
  const client = await openRaw(path.port);
  for (let i = 0; i < 2; i++) {
    const before = client.received().length;
    client.write(GET);
    expect(await client.reply()).toMatchObject({ status: 200, interim: [102, 103, 103, 199] });
    expect(client.received().slice(before).startsWith(heads.join(''))).toBe(true);
  }
  client.close();
});

test('each of two pipelined requests gets its own, in its turn', async () => {
  answer = (socket) => socket.write(hints(`/${calls}`) + OK);
  const client = await openRaw(path.port);
  client.write(GET + GET);
  for (let i = 0; i < 2; i++) expect(await client.reply()).toMatchObject({ status: 200, interim: [103] });
  expect(client.received().match(/<\/\d>/g)).toEqual(['</1>', '</2>']);
  client.close();
});

test('none to a client of HTTP/1.0', async () => {
  answer = (socket) => socket.write(hints('/a.css') + OK);
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET / HTTP/1.0', 'Host: h']));
  expect(await client.reply()).toMatchObject({ status: 200, interim: [] });
  expect(client.received()).not.toContain('103');
  client.close();
});

test('before a switch of protocols, too', async () => {
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
  answer = (socket) => socket.write(`${hints('/a.css')}${switched}hello`);
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: echo']));
  expect(await client.reply()).toMatchObject({ status: 101, interim: [103] });
  await waitFor(() => client.received().endsWith('\r\n\r\nhello'), { what: 'the bytes behind the switch' });
  client.close();
});

test('before the body of the request is there', async () => {
  answer = (socket) => {
    if (calls === 1) socket.write(hints('/a.css') + OK);
  };
  const client = await openRaw(path.port);
  client.write(
    rawRequest(
      ['POST / HTTP/1.1', 'Host: h', 'Content-Length: 300000', 'Expect: 100-continue'],
      'x'.repeat(70_000),
    ),
  );
  expect(await client.reply()).toMatchObject({ status: 200, interim: [100, 103] });
  client.close();
});

test('without what concerns one connection, or frames a body that it cannot have', async () => {
  const odd = [
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Connection: X-Mine',
    'X-Mine: 1',
    'Trailer: T',
  ];
  const lines = [...odd, 'Keep-Alive: timeout=9', 'Router-Agent: forged', 'X-Kept: \xe9'];
  answer = (socket) =>
    socket.write(Buffer.from(`HTTP/1.1 103 H\r\n${lines.join('\r\n')}\r\n\r\n${OK}`, 'latin1'));
  const client = await openRaw(path.port);
  client.write(GET);
  expect((await client.reply()).status).toBe(200);
  expect(client.received().split('\r\n\r\n')[0]).toBe('HTTP/1.1 103 H\r\nX-Kept: \xe9');
  client.close();
});

test('no more of them than the limit, and the reply goes on', async () => {
  answer = (socket) => socket.write(hints('/a.css').repeat(MOST_INTERIM_HEADS + 5) + OK);
  const client = await openRaw(path.port);
  client.write(GET);
  const { status, interim } = await client.reply();
  expect([status, interim.length]).toEqual([200, MOST_INTERIM_HEADS]);
  client.close();
});

test('the time for the reply itself goes on', async () => {
  answer = async (socket) => {
    await delay(0.6 * FIRST_BYTE_MS);
    socket.write(hints('/a.css'));
  };
  const client = await openRaw(path.port);
  const startedAt = performance.now();
  client.write(GET);
  expect(await client.reply()).toMatchObject({ status: 504, interim: [103] });
  const ms = performance.now() - startedAt;
  expect(ms).toBeGreaterThan(0.9 * FIRST_BYTE_MS);
  expect(ms).toBeLessThan(1.5 * FIRST_BYTE_MS);
  client.close();
});

test('an upstream that breaks off behind one has begun a reply: the request is not run again', async () => {
  answer = (socket) => socket.end(hints('/a.css'));
  const client = await openRaw(path.port);
  client.write(GET);
  const { status, interim, headers } = await client.reply();
  expect([status, interim]).toEqual([502, [103]]);
  expect(valuesOf(headers, 'router-error')).toEqual(['upstream-failed']);
  expect(valuesOf(headers, 'router-executed')).toEqual(['maybe']);
  expect(calls).toBe(1);
  client.close();
});
