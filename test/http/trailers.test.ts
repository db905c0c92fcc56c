import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { recordRequests, startDataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const GET = rawRequest(['GET / HTTP/1.1', 'Host: h', 'TE: trailers', 'Connection: TE']);

test('trailers of a small chunked reply reach the client in order, with duplicates', async () => {
  const path = await startDataPath(redis, (_req, res) => {
    res.writeHead(200, { Trailer: 'X-Sum, X-Part' });
    res.write('body');
    res.addTrailers([
      ['X-Sum', 'abc'],
      ['X-Part', '1'],
      ['X-Part', '2'],
    ]);
    res.end();
  });
  const reply = await sendRaw(path.port, GET);
  expect(valuesOf(reply.headers, 'trailer')).toEqual(['X-Sum, X-Part']);
  expect(reply.body.toString()).toBe('body');
  expect(reply.trailers).toEqual(['X-Sum', 'abc', 'X-Part', '1', 'X-Part', '2']);
  await path.close();
});

/** A path to an upstream that answers with these trailers. */
async function pathWithTrailers(trailers: string, fields: string[] = []) {
  const upstream = await startRawUpstream((socket) => {
    const head = rawRequest(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...fields]);
    socket.write(`${head}2\r\nok\r\n0\r\n${trailers}\r\n`);
  });
  const path = await startDataPath(redis, upstream.url);
  onTestFinished(async () => {
    await path.close();
    await upstream.close();
  });
  return path;
}

test('trailers that belong into a head, and those that Connection names, stay behind', async () => {
  const hostile = [
    'Set-Cookie: a=b',
    'Content-Length: 5',
    'Router-Executed: no',
    'Authorization: x',
    'X-Hop: 1',
  ];
  const lines = ['X-Sum: abc', ...hostile, 'grpc-status: 0'];
  const path = await pathWithTrailers(`${lines.join('\r\n')}\r\n`, ['Connection: X-Hop']);
  const reply = await sendRaw(path.port, GET);
  expect(reply.body.toString()).toBe('ok');
  expect(reply.trailers).toEqual(['X-Sum', 'abc', 'grpc-status', '0']);
});

test.each([
  ['0x01', '\x01'],
  ['DEL', '\x7f'],
  ['an escape sequence', '\x1b[31m'],
])('a trailer with %s breaks the reply off, and nothing else', async (_what, bytes) => {
  const path = await pathWithTrailers(`X-Error: a${bytes}b\r\n`);
  for (let i = 0; i < 3; i++) {
    const client = await openRaw(path.port);
    client.write(GET);
    // Broken off or refused: both can be seen.
    const reply = await client.reply().catch((error: unknown) => error);
    if (reply instanceof Error) expect(reply.message).toMatch(/broke/);
    else expect(reply).toMatchObject({ status: 502 });
    client.close();
  }
});

test.each([
  ['GET', '200 OK', 'Content-Length: 2', 'ok'],
  ['HEAD', '200 OK', 'Content-Length: 2', ''],
  ['GET', '204 No Content', 'X: y', ''],
])('trailers that are announced and never come do no harm: %s, %s', async (method, status, field, body) => {
  const upstream = await startRawUpstream((socket) => {
    socket.write(`${rawRequest([`HTTP/1.1 ${status}`, 'Trailer: X-Sum', field])}${body}`);
  });
  const path = await startDataPath(redis, upstream.url);
  const reply = await sendRaw(path.port, rawRequest([`${method} / HTTP/1.1`, 'Host: h']));
  expect(`${reply.status} ${reply.body.toString()}`).toBe(`${status.slice(0, 3)} ${body}`);
  await path.close();
  await upstream.close();
});

test('trailers that come long after a streamed body reach the client', async () => {
  let finish = () => {};
  const path = await startDataPath(redis, (_req, res) => {
    res.write('x'.repeat(400_000));
    finish = () => {
      res.addTrailers([['X-Sum', 'late']]);
      res.end();
    };
  });
  const client = await openRaw(path.port);
  client.write(GET);
  await waitFor(() => client.received().length > 400_000, { what: 'the body' });
  finish();
  const reply = await client.reply();
  expect(reply.body.length).toBe(400_000);
  expect(reply.trailers).toEqual(['X-Sum', 'late']);
  client.close();
  await path.close();
});

test('a client of HTTP/1.0 gets the body of a reply that has trailers', async () => {
  const path = await startDataPath(redis, (_req, res) => {
    res.write('body');
    res.addTrailers([['X-Sum', 'abc']]);
    res.end();
  });
  const reply = await sendRaw(path.port, rawRequest(['GET / HTTP/1.0', 'Host: h']));
  expect(reply.body.toString()).toBe('body');
  await path.close();
});

test.each([
  ['a length', 'GET / HTTP/1.1', 'Content-Length: 200000', 'x'.repeat(200_000)],
  [
    'chunks, to a client of HTTP/1.0',
    'GET / HTTP/1.0',
    'Transfer-Encoding: chunked',
    '1\r\nx\r\n0\r\nX-Sum: abc\r\n\r\n',
  ],
  ['a length, to HEAD', 'HEAD / HTTP/1.1', 'Content-Length: 2', ''],
])('a streamed reply that announces trailers is no error: with %s', async (_what, line, framing, body) => {
  const upstream = await startRawUpstream((socket) => {
    socket.write(rawRequest(['HTTP/1.1 200 OK', 'Trailer: X-Sum', framing]));
    // Later: a frame of its own for the head.
    setTimeout(() => socket.write(body), 100);
  });
  const path = await startDataPath(redis, upstream.url);
  const reply = await sendRaw(path.port, rawRequest([line, 'Host: h']));
  expect([reply.status, valuesOf(reply.headers, 'trailer')]).toEqual([200, []]);
  await path.close();
  await upstream.close();
});

test('trailers of a request that mean something only in its head do not reach the upstream', async () => {
  const { seen, listener } = recordRequests();
  const path = await startDataPath(redis, listener);
  const lines = ['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked', 'Connection: X-Hop'];
  const trailers = [
    'X-Sum: abc',
    'X-Hop: 1',
    'Authorization: Bearer x',
    'X-Forwarded-For: 1.2.3.4',
    'Router-Scope: a',
  ];
  await sendRaw(path.port, `${rawRequest(lines)}2\r\nok\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`);
  expect(seen[0]?.rawTrailers).toEqual(['X-Sum', 'abc']);
  await path.close();
});

test('more trailers than fit a frame do not stop the agent from serving others', async () => {
  // 64 KiB is what the HTTP client of the agent takes, names and values together.
  const lines = Array.from(
    { length: 650 },
    (_each, i) => `T${String(i).padStart(3, '0')}: ${'v'.repeat(96)}`,
  );
  let trailers = lines.join('\r\n');
  const upstream = await startRawUpstream((socket) => {
    const head = rawRequest(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']);
    socket.write(`${head}2\r\nok\r\n0\r\n${trailers}\r\n\r\n`);
  });
  const path = await startDataPath(redis, upstream.url, { hub: { firstByteTimeoutMs: 1_000 } });
  // Whole, refused or broken: whatever it is, the next one must be served.
  await sendRaw(path.port, GET).catch(() => undefined);
  trailers = 'X-Sum: abc';
  const reply = await sendRaw(path.port, GET);
  expect(reply.status).toBe(200);
  expect(reply.trailers).toEqual(['X-Sum', 'abc']);
  await path.close();
  await upstream.close();
});

test.each([
  ['a small chunked request', 'hello', ['Trailer: X-Sum']],
  ['a chunked request larger than one frame', 'x'.repeat(200_000), ['Trailer: X-Sum']],
  ['a small chunked request that has not told of them', 'hello', []],
])('trailers of %s reach the upstream', async (_what, body, announced) => {
  const { seen, listener } = recordRequests();
  const path = await startDataPath(redis, listener);
  const head = rawRequest(['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked', ...announced]);
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Sum: abc\r\n\r\n`;
  const reply = await sendRaw(path.port, head + chunks);
  expect(reply.status).toBe(200);
  expect(seen[0]?.body.toString()).toBe(body);
  expect(seen[0]?.rawTrailers).toEqual(['X-Sum', 'abc']);
  await path.close();
});

test('a small chunked body without trailers reaches the upstream with its length', async () => {
  const { seen, listener } = recordRequests();
  const path = await startDataPath(redis, listener);
  for (const method of ['POST', 'DELETE']) {
    const head = rawRequest([`${method} / HTTP/1.1`, 'Host: h', 'Transfer-Encoding: chunked']);
    expect((await sendRaw(path.port, `${head}5\r\nhello\r\n0\r\n\r\n`)).status).toBe(200);
    expect(valuesOf(seen.at(-1)?.rawHeaders ?? [], 'content-length')).toEqual(['5']);
    expect(valuesOf(seen.at(-1)?.rawHeaders ?? [], 'transfer-encoding')).toEqual([]);
  }
  await path.close();
});
