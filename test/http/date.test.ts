import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

// RFC 9110 §6.6.1: whoever has a clock dates its replies, and keeps the Date of what it passes on.

const FORM = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

let redis: TestRedis;
let path: DataPath;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;
let answer = '';

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startRawUpstream((socket) => void socket.write(answer));
  path = await startDataPath(redis, upstream.url);
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});

const SWITCH = ['Host: h', 'Connection: Upgrade', 'Upgrade: odd'];
const OK = rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 2'], 'ok');

test.each<[what: string, lines: string[], status: number]>([
  ['of an upstream without a clock', ['GET / HTTP/1.1', 'Host: h'], 200],
  ['of one to a request that asks to switch', ['GET / HTTP/1.1', ...SWITCH], 200],
  ['to what no parser reads', ['GET / HTTP/1.1', 'Host: h', 'no field'], 400],
  ['to a request that is refused', ['GET /x#y HTTP/1.1', 'Host: h'], 400],
  ['to a refused request that asks to switch', ['GET /x#y HTTP/1.1', ...SWITCH], 400],
  ['to CONNECT', ['CONNECT h:1 HTTP/1.1', 'Host: h:1'], 501],
  ['to a probe', ['GET /_router/live HTTP/1.1', 'Host: h'], 200],
  ['to a probe that asks to switch', ['GET /_router/live HTTP/1.1', ...SWITCH], 200],
  ['to a question about the hub', ['OPTIONS * HTTP/1.1', 'Host: h'], 204],
])('a reply has one Date: %s', async (_what, lines, status) => {
  answer = OK;
  const reply = await sendRaw(path.port, rawRequest(lines));
  expect(reply.status).toBe(status);
  expect(valuesOf(reply.headers, 'date')).toEqual([expect.stringMatching(FORM)]);
});

test('a switch of protocols has one, too', async () => {
  answer = rawRequest(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: odd']);
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', ...SWITCH]));
  expect([reply.status, valuesOf(reply.headers, 'date')]).toEqual([101, [expect.stringMatching(FORM)]]);
});

test.each([[['Host: h']], [SWITCH]])('the Date of the upstream stays: %j', async (fields) => {
  const theirs = 'Thu, 01 Jan 1970 00:00:00 GMT';
  answer = rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 2', `date: ${theirs}`], 'ok');
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', ...fields]));
  expect(valuesOf(reply.headers, 'date')).toEqual([theirs]);
});

test.each([[['Host: h']], [SWITCH]])('a 204 has no Content-Length: %j', async (fields) => {
  answer = rawRequest(['HTTP/1.1 204 No Content', 'Content-Length: 0', 'X: y']);
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', ...fields]));
  expect([reply.status, valuesOf(reply.headers, 'content-length')]).toEqual([204, []]);
  expect(valuesOf(reply.headers, 'x')).toEqual(['y']);
});
