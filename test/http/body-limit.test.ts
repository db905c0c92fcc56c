import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { expectProblem } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const LIMIT = 300_000;

let redis: TestRedis;
let path: DataPath;
let small: DataPath;
const { seen, listener } = recordRequests();
let aborted = 0;

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(
    redis,
    (req, res) => {
      req.on('error', () => (aborted += 1));
      listener(req, res);
    },
    { hub: { maxBodyBytes: LIMIT } },
  );
  small = await startDataPath(redis, listener, { hub: { maxBodyBytes: 10 } });
});
afterAll(async () => {
  await Promise.all([path.close(), small.close()]);
  await redis.stop();
});

const sized = (bytes: number) =>
  rawRequest(['POST / HTTP/1.1', 'Host: h', `Content-Length: ${bytes}`], 'x'.repeat(bytes));
const chunked = (bytes: number, end = '0\r\n\r\n') =>
  rawRequest(
    ['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked'],
    `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n${end}`,
  );

test.each([
  ['with a Content-Length', sized],
  ['in chunks', chunked],
])('a body %s of exactly the limit passes, a small and a large one', async (_what, request) => {
  expect((await sendRaw(path.port, request(LIMIT))).status).toBe(200);
  expect(seen.at(-1)?.body.length).toBe(LIMIT);
  expect((await sendRaw(small.port, request(10))).status).toBe(200);
  expect(seen.at(-1)?.body.length).toBe(10);
});

test('a Content-Length over the limit is refused before anything reaches an upstream', async () => {
  const before = seen.length;
  const reply = await sendRaw(path.port, sized(LIMIT + 1));
  expect(reply.status).toBe(413);
  expect(valuesOf(reply.headers, 'router-error')).toEqual(['body-too-large']);
  // Nobody has seen it: to say "maybe" here would keep a client from sending a smaller one.
  expect(valuesOf(reply.headers, 'router-executed')).toEqual(['no']);
  expect(seen.length).toBe(before);
});

test('a small chunked body over the limit is refused before anything reaches an upstream', async () => {
  const before = seen.length;
  const reply = await sendRaw(small.port, chunked(11));
  expect(reply.status).toBe(413);
  expect(seen.length).toBe(before);
});

test('a chunked body that grows over the limit is refused, and the upstream never sees it whole', async () => {
  const before = seen.length;
  const client = await openRaw(path.port);
  client.write(chunked(200_000, ''));
  client.write(`${(200_000).toString(16)}\r\n${'x'.repeat(200_000)}\r\n0\r\n\r\n`);
  expectProblem(await client.reply(), 413, 'body-too-large', 'maybe');
  await waitFor(() => aborted > 0, { what: 'the upstream to hear that it ends', timeoutMs: 2_000 });
  expect(seen.length).toBe(before);
  await client.ended;
});

test('a limit of 0 is no limit', async () => {
  const open = await startDataPath(redis, listener, { hub: { maxBodyBytes: 0 } });
  expect((await sendRaw(open.port, sized(2_000_000))).status).toBe(200);
  await open.close();
});
