import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

// Field values are bytes (obs-text, RFC 9110 §5.5). Here each character is one byte.
const BYTES = 'caf\xe9 \x80\xff end';
/** The same word in UTF-8: other bytes, which must arrive as they are, too. */
const UTF8 = Buffer.from('日本 café Ċ').toString('latin1');

let redis: TestRedis;
let path: DataPath;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;
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

function ask(lines: string[], body: string, method = 'GET') {
  answer = rawRequest(lines, body);
  return sendRaw(
    path.port,
    rawRequest([`${method} / HTTP/1.1`, 'Host: h', `X-Sent: ${BYTES}`, `X-Utf8: ${UTF8}`]),
  );
}

test('bytes above 127 in the fields of a request arrive unchanged', async () => {
  await ask(['HTTP/1.1 200 OK', 'Content-Length: 2'], 'ok');
  expect(lastHead).toContain(`X-Sent: ${BYTES}\r\n`);
  expect(lastHead).toContain(`X-Utf8: ${UTF8}\r\n`);
});

const FIELDS = [`X-Got: ${BYTES}`, `X-Utf8: ${UTF8}`];

test.each([
  ['with a length', ['Content-Length: 2'], 'ok'],
  ['with an empty body', ['Content-Length: 0'], ''],
  ['in chunks', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n'],
  ['in chunks with a trailer', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\nX-T: 1\r\n\r\n'],
  ['too large for one frame', ['Content-Length: 700000'], 'x'.repeat(700_000)],
])('bytes above 127 in the fields of a reply %s arrive unchanged', async (_what, framing, body) => {
  const reply = await ask(['HTTP/1.1 200 OK', ...framing, ...FIELDS], body);
  expect(valuesOf(reply.headers, 'x-got')).toEqual([BYTES]);
  expect(valuesOf(reply.headers, 'x-utf8')).toEqual([UTF8]);
});

test('bytes above 127 in the fields of a reply to HEAD arrive unchanged', async () => {
  const reply = await ask(['HTTP/1.1 200 OK', 'Content-Length: 2', ...FIELDS], '', 'HEAD');
  expect(valuesOf(reply.headers, 'x-got')).toEqual([BYTES]);
});

test('bytes above 127 in a head that leaves before its body arrive unchanged', async () => {
  const slow = await startRawUpstream((socket) => {
    const head = rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 2', ...FIELDS]);
    socket.write(Buffer.from(head, 'latin1'));
    setTimeout(() => socket.write('ok'), 100);
  });
  const slowPath = await startDataPath(redis, slow.url);
  const reply = await sendRaw(slowPath.port, rawRequest(['GET / HTTP/1.1', 'Host: h']));
  expect(valuesOf(reply.headers, 'x-got')).toEqual([BYTES]);
  expect(reply.body.toString()).toBe('ok');
  await slowPath.close();
  await slow.close();
});

test('bytes above 127 in a trailer arrive unchanged', async () => {
  const reply = await ask(
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
    `2\r\nok\r\n0\r\nX-Sum: ${BYTES}\r\n\r\n`,
  );
  expect(valuesOf(reply.trailers, 'x-sum')).toEqual([BYTES]);
});

test.each([
  ['latin1', 'Tr\xe8s bien'],
  ['UTF-8', Buffer.from('Très bien').toString('latin1')],
  ['UTF-8 whose code point ends like a line feed', Buffer.from('odd Ċ end').toString('latin1')],
])('a reason phrase in %s comes as it is, and so does the rest of the reply', async (_what, reason) => {
  const reply = await ask([`HTTP/1.1 200 ${reason}`, 'Content-Length: 2', 'X-First: 1', 'X-Second: 2'], 'ok');
  expect(reply.status).toBe(200);
  expect(reply.body.toString()).toBe('ok');
  expect(valuesOf(reply.headers, 'x-first')).toEqual(['1']);
  expect(valuesOf(reply.headers, 'x-second')).toEqual(['2']);
  expect(reply.reason).toBe(reason);
});
