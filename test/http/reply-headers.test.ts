import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let path: DataPath;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;
/** The upstream's reply, as bytes. */
let answer = '';
let lastHead = '';

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startRawUpstream((socket, head) => {
    lastHead = head;
    socket.write(Buffer.from(answer, 'latin1'));
  });
  path = await startDataPath(redis, upstream.url);
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});

/** The reply that a client gets when the upstream sends these lines and this body. */
async function replyTo(lines: string[], body = 'ok') {
  answer = rawRequest(lines, body);
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', 'Host: h']));
  return { ...reply, values: (name: string) => valuesOf(reply.headers, name) };
}

const OK = ['HTTP/1.1 200 OK', 'Content-Length: 2'];

test('fields arrive in their order, with their spelling and their duplicates', async () => {
  const lines = [
    'x-B: 2',
    'Set-Cookie: a=1; Path=/',
    'X-a: 1',
    'SET-COOKIE: b=2',
    'x-b: 3',
    'Vary: a',
    'Vary: b',
  ];
  const { headers } = await replyTo([...OK, ...lines]);
  const names = ['x-a', 'x-b', 'set-cookie', 'vary'];
  const pairs = headers.filter((_each, i) => names.includes(headers[i - (i % 2)]?.toLowerCase() ?? ''));
  expect(pairs).toEqual(lines.flatMap((line) => line.split(': ')));
});

test('hop-by-hop fields and those that Connection nominates stay behind', async () => {
  const { headers, values } = await replyTo([
    ...OK,
    'Connection: keep-alive, X-Inner',
    'X-Inner: secret',
    'Keep-Alive: timeout=123',
    'Proxy-Connection: keep-alive',
    'Proxy-Authenticate: Basic',
    'Upgrade: h2c',
    'X-Outer: kept',
  ]);
  expect(values('x-outer')).toEqual(['kept']);
  expect(values('x-inner')).toEqual([]);
  expect(values('upgrade')).toEqual([]);
  expect(values('proxy-connection')).toEqual([]);
  expect(values('proxy-authenticate')).toEqual([]);
  expect(headers.join(' ')).not.toContain('timeout=123');
});

test.each([
  ['HTTP/1.1 200 Fine, thanks', 'Fine, thanks'],
  ['HTTP/1.1 404 Gone fishing', 'Gone fishing'],
  ['HTTP/1.1 299 Odd', 'Odd'],
])('status and reason phrase of %j are kept', async (line, reason) => {
  const reply = await replyTo([line, 'Content-Length: 2']);
  expect(reply).toMatchObject({ status: Number(line.split(' ')[1]), reason });
  expect(reply.body.toString()).toBe('ok');
});

test('a reply tells its request, its agent, its timing and that it came through a proxy', async () => {
  const { values } = await replyTo([
    ...OK,
    'Via: 1.1 inner',
    'Server: their-own',
    'Date: Thu, 01 Jan 1970 00:00:00 GMT',
  ]);
  expect(values('router-request-id').join()).toMatch(/^\S+$/);
  expect(values('router-agent').join()).toMatch(/^test-agent\./);
  expect(values('server-timing').join()).toMatch(/^queue;dur=[\d.]+, upstream;dur=[\d.]+$/);
  expect(values('via').join(', ')).toMatch(/^1\.1 inner, 1\.1 \S+$/);
  expect(values('server')).toEqual(['their-own']);
  expect(values('date')).toEqual(['Thu, 01 Jan 1970 00:00:00 GMT']);
  expect(values('router-error')).toEqual([]);
});

test('every request has an id of its own, and its upstream is told the same one', async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const [id = ''] = (await replyTo(OK)).values('router-request-id');
    expect(lastHead).toContain(`\r\nRouter-Request-Id: ${id}\r\n`);
    ids.add(id);
  }
  expect(ids.size).toBe(3);
});

test.each(['Router-Error', 'Router-Executed', 'Router-Request-Id', 'Router-Agent'])(
  'an upstream cannot speak for the router: its own %s is dropped',
  async (name) => {
    expect((await replyTo([...OK, `${name}: forged`])).values(name)).not.toContain('forged');
  },
);

test('Content-Length is kept, and a reply without one still comes whole', async () => {
  const sized = await replyTo(OK);
  expect(sized.values('content-length')).toEqual(['2']);
  expect(sized.values('transfer-encoding')).toEqual([]);

  const chunked = await replyTo(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n');
  expect(chunked.body.toString()).toBe('ok');
  expect(chunked.values('content-length').length + chunked.values('transfer-encoding').length).toBe(1);
});

test('a reply head of 60 KiB passes', async () => {
  const value = 'v'.repeat(1_000);
  const lines = Array.from({ length: 60 }, (_each, i) => `X-Long-${i}: ${value}`);
  const reply = await replyTo([...OK, ...lines]);
  expect(reply.status).toBe(200);
  expect(reply.headers.filter((name) => name.startsWith('X-Long-'))).toHaveLength(60);
});
