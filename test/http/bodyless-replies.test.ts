import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let path: DataPath;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;
let answer = Buffer.alloc(0);
let requests = 0;

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startRawUpstream((socket) => {
    requests += 1;
    socket.write(answer);
  });
  path = await startDataPath(redis, upstream.url);
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});

/** Two requests on one connection: bytes too many or too few after the first reply would spoil the second. */
async function askTwice(method: string, text: string) {
  answer = Buffer.from(text, 'latin1');
  const client = await openRaw(path.port);
  const replies = [];
  for (let i = 0; i < 2; i++) {
    client.write(rawRequest([`${method} / HTTP/1.1`, 'Host: h']));
    replies.push(await client.reply({ head: method === 'HEAD' }));
  }
  client.close();
  expect(replies[1]?.status).toBe(replies[0]?.status);
  return replies[0];
}

test.each([
  ['HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 12345'],
  ['HEAD', 'HTTP/1.1 404 Not Found', 'Content-Length: 9'],
  ['GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 12345'],
])('the reply to %s with %j has no body and keeps its Content-Length', async (method, line, length) => {
  const reply = await askTwice(method, rawRequest([line, length, 'ETag: "x"']));
  expect(reply?.status).toBe(Number(line.split(' ')[1]));
  expect(valuesOf(reply?.headers ?? [], 'content-length')).toEqual([length.split(' ')[1]]);
  expect(valuesOf(reply?.headers ?? [], 'etag')).toEqual(['"x"']);
});

test.each([
  ['HEAD', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
  ['HEAD', 'HTTP/1.1 200 OK', 'X-No-Length: 1'],
  ['GET', 'HTTP/1.1 304 Not Modified', 'ETag: "x"'],
  ['GET', 'HTTP/1.1 204 No Content', 'X-None: 1'],
  ['DELETE', 'HTTP/1.1 204 No Content', 'X-None: 1'],
])(
  'the reply to %s with %j and no length has neither body nor an invented length',
  async (method, line, field) => {
    const reply = await askTwice(method, rawRequest([line, field]));
    expect(reply?.status).toBe(Number(line.split(' ')[1]));
    expect(valuesOf(reply?.headers ?? [], 'content-length')).toEqual([]);
  },
);

test.each([
  ['102', ['HTTP/1.1 102 Processing']],
  ['103', ['HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload']],
])('a %s before the reply does not stand in its way', async (_code, lines) => {
  const final = rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 2'], 'ok');
  const reply = await askTwice('GET', rawRequest(lines) + rawRequest(lines) + final);
  expect(reply?.status).toBe(200);
  expect(reply?.body.toString()).toBe('ok');
});

test('an upstream that switches protocols unasked is a failed upstream', async () => {
  answer = Buffer.from(
    rawRequest(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: odd']),
  );
  const reply = await sendRaw(path.port, rawRequest(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 0']));
  expect(reply.status).toBe(502);
  expect(valuesOf(reply.headers, 'router-error')).toEqual(['upstream-failed']);
});

test.each([301, 302, 307, 308])('a %d is the answer: nobody follows it', async (status) => {
  const before = requests;
  answer = Buffer.from(rawRequest([`HTTP/1.1 ${status} Moved`, 'Location: /elsewhere', 'Content-Length: 0']));
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', 'Host: h']));
  expect(reply.status).toBe(status);
  expect(valuesOf(reply.headers, 'location')).toEqual(['/elsewhere']);
  expect(requests - before).toBe(1);
});

test('compressed bytes are not touched', async () => {
  const zipped = gzipSync(Buffer.from('hello '.repeat(10_000)));
  const head = ['HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${zipped.length}`];
  answer = Buffer.concat([Buffer.from(rawRequest(head)), zipped]);
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.1', 'Host: h', 'Accept-Encoding: gzip']));
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect(valuesOf(reply.headers, 'content-encoding')).toEqual(['gzip']);
  expect(hash(reply.body)).toBe(hash(zipped));
});

test('an empty 200 is an empty 200', async () => {
  const reply = await askTwice('GET', rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 0']));
  expect(reply?.status).toBe(200);
  expect(valuesOf(reply?.headers ?? [], 'content-length')).toEqual(['0']);
});
