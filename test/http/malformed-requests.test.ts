import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { expectProblem } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

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

const get = (...lines: string[]) => rawRequest(['GET /x HTTP/1.1', ...lines]);
const post = (lines: string[], body = '') => rawRequest(['POST /x HTTP/1.1', 'Host: h', ...lines], body);

const BAD: [what: string, request: string][] = [
  ['a request line without a version', 'GET /x\r\n\r\n'],
  ['a request line without a version, with fields and a body', 'GET /x\nHost: h\nContent-Length: 3\n\nabc'],
  ['version 0.9', rawRequest(['GET /x HTTP/0.9', 'Host: h'])],
  ['no Host', get('X-A: 1')],
  ['two Hosts', get('Host: a', 'Host: b')],
  ['the same Host twice', get('Host: a', 'Host: a')],
  ['an empty Host', get('Host:')],
  ['a Host with a user', get('Host: user@h')],
  ['a Host with a path', get('Host: h/x')],
  ['a Host with a comma', get('Host: a,b')],
  ['a Host with a blank', get('Host: a b')],
  ['a Host with a bad port', get('Host: h:port')],
  ['an absolute target with a user', rawRequest(['GET http://user@h/x HTTP/1.1', 'Host: h'])],
  ['an absolute target without a host', rawRequest(['GET http:///x HTTP/1.1', 'Host: h'])],
  ['an absolute target of another scheme', rawRequest(['GET ftp://h/x HTTP/1.1', 'Host: h'])],
  ['an absolute target without a Host', rawRequest(['GET http://h/x HTTP/1.1'])],
  ['an absolute target with an empty Host', rawRequest(['GET http://h/x HTTP/1.1', 'Host:'])],
  ['an absolute target with an invalid Host', rawRequest(['GET http://h/x HTTP/1.1', 'Host: a b'])],
  [
    'an absolute target with an invalid Host in HTTP/1.0',
    rawRequest(['GET http://h/x HTTP/1.0', 'Host: a/b']),
  ],
  ['GET *', rawRequest(['GET * HTTP/1.1', 'Host: h'])],
  ['a target without a slash', rawRequest(['GET x HTTP/1.1', 'Host: h'])],
  ['a fragment in the target', rawRequest(['GET /x#y HTTP/1.1', 'Host: h'])],
  ['raw bytes above 127 in the target', rawRequest(['GET /caf\xe9 HTTP/1.1', 'Host: h'])],
  ['a control character in the target', rawRequest(['GET /x\x01y HTTP/1.1', 'Host: h'])],
  [
    'HTTP/1.0 with Transfer-Encoding',
    rawRequest(['POST /x HTTP/1.0', 'Host: h', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ],
  [
    'Transfer-Encoding beside Content-Length',
    post(['Transfer-Encoding: chunked', 'Content-Length: 3'], '0\r\n\r\n'),
  ],
  [
    'an empty Transfer-Encoding beside Content-Length',
    post(['Transfer-Encoding:', 'Content-Length: 3'], 'abc'),
  ],
  ['an empty Transfer-Encoding', post(['Transfer-Encoding:'])],
  ['a Transfer-Encoding that is not chunked', post(['Transfer-Encoding: identity'])],
  ['chunked twice', post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n')],
  ['two Transfer-Encodings', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n')],
  ['two Content-Lengths', post(['Content-Length: 3', 'Content-Length: 4'], 'abcd')],
  ['a list of Content-Lengths', post(['Content-Length: 3, 3'], 'abc')],
  ['a negative Content-Length', post(['Content-Length: -1'])],
  ['a signed Content-Length', post(['Content-Length: +3'], 'abc')],
  ['a hexadecimal Content-Length', post(['Content-Length: 0x3'], 'abc')],
  ['an empty Content-Length', post(['Content-Length:'])],
  ['a Content-Length beyond all numbers', post(['Content-Length: 99999999999999999999'])],
  ['a blank before a colon', get('Host: h', 'X-A : 1')],
  ['a folded field', get('Host: h', 'X-A: 1', ' folded')],
  ['a field without a colon', get('Host: h', 'X-A')],
  ['a NUL in a field', get('Host: h', 'X-A: a\x00b')],
  ['a bare CR in a field', get('Host: h', 'X-A: a\rX-B: b')],
  ['lines that end in a bare LF', 'GET /x HTTP/1.1\nHost: h\n\n'],
  ['what is not HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
];

/** Where the body of such a request ends, two servers may see differently: nothing after it may be taken for a request. */
const endsUncertain = (what: string) => /Transfer-Encoding|Content-Length|chunked|version|LF/.test(what);

test.each(BAD)('%s is refused with 400 and reaches no upstream', async (what, request) => {
  const before = seen.length;
  const client = await openRaw(path.port);
  client.write(request);
  expectProblem(await client.reply(), 400, 'bad-request');
  if (endsUncertain(what)) {
    client.write(rawRequest(['GET /smuggled HTTP/1.1', 'Host: h']));
    const closed = await Promise.race([client.ended, client.reply().catch(() => 'reset')]);
    expect(closed).toMatch(/^(end|reset)$/);
  }
  expect(seen.slice(before)).toEqual([]);
  client.close();
});

test.each([
  ['version 1.2', 'GET /x HTTP/1.2', 505, 'version-not-supported'],
  ['version 2.0', 'GET /x HTTP/2.0', 505, 'version-not-supported'],
  ['a method that nobody knows', 'GIMME /x HTTP/1.1', 501, 'method-not-supported'],
  ['a method that begins like a known one', 'GETTER /x HTTP/1.1', 501, 'method-not-supported'],
])('%s is refused with its own code, also behind a valid request', async (_what, line, status, code) => {
  const before = seen.length;
  expectProblem(await sendRaw(path.port, rawRequest([line, 'Host: h'])), status, code);
  expect(seen.length).toBe(before);
  const client = await openRaw(path.port);
  client.write(get('Host: h') + rawRequest([line, 'Host: h']));
  expect((await client.reply()).status).toBe(200);
  expectProblem(await client.reply(), status, code);
  client.close();
});

test.each([
  ['by little', 8],
  ['beyond what the parser reads', 100],
  ['far beyond what the parser reads', 1_000],
])('a target that is too long %s is refused with 414', async (_what, kib) => {
  const before = seen.length;
  const long = `/${'t'.repeat(kib * 1024)}`;
  expectProblem(
    await sendRaw(path.port, rawRequest([`GET ${long} HTTP/1.1`, 'Host: h'])),
    414,
    'target-too-long',
  );
  expect(seen.length).toBe(before);
});

test.each([
  ['one long field', [`X-Long: ${'v'.repeat(17 * 1024)}`]],
  ['fields beyond what the parser reads', Array.from({ length: 200 }, () => `X-Long: ${'v w'.repeat(200)}`)],
  ['many fields', Array.from({ length: 600 }, (_each, i) => `X-Field-${i}: ${'v'.repeat(20)}`)],
])('a head that is too large, %s, is refused with 431', async (_what, lines) => {
  const before = seen.length;
  expectProblem(await sendRaw(path.port, get('Host: h', ...lines)), 431, 'head-too-large');
  expect(seen.length).toBe(before);
});

test.each([
  ['framing fields in its trailers', '3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n'],
  ['trailers that do not end', `3\r\nabc\r\n0\r\n${'X-Long: trailer\r\n'.repeat(6_000)}`],
  ['a chunk size that is no number', 'zz\r\nabc\r\n0\r\n\r\n'],
  ['a chunk longer than it says', '3\r\nabcdef\r\n0\r\n\r\n'],
  ['a chunk size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size beyond all numbers', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
])('a chunked body with %s is refused and no upstream sees a whole request', async (_what, body) => {
  const before = seen.length;
  const client = await openRaw(path.port);
  client.write(post(['Transfer-Encoding: chunked'], body));
  expectProblem(await client.reply(), 400, 'bad-request');
  await client.ended;
  expect(seen.slice(before)).toEqual([]);
  client.close();
});

test('a client that goes away in the middle of its small body leaves nothing at an upstream', async () => {
  const before = seen.length;
  const client = await openRaw(path.port);
  client.write(post(['Content-Length: 100'], 'only this'));
  client.close();
  const reply = await waitFor(() => sendRaw(path.port, get('Host: h')), { what: 'the next request' });
  expect(reply.status).toBe(200);
  expect(seen.slice(before).map(({ method }) => method)).toEqual(['GET']);
});
