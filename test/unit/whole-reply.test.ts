import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rawFields } from '../../router-core/http/field-lines.ts';
import { sendWhole, type WholeReply } from '../../router-core/hub/front/whole-reply.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';

let server: Server;
let port = 0;
let answer: (req: IncomingMessage, res: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((req, res) => answer(req, res));
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const OK = { status: 200, reason: 'OK', fields: 'Content-Length: 2\r\n', body: 'ok' };

/** All bytes that come for two requests on one connection, the time left out. */
async function bytesOfTwo(lines: readonly string[]): Promise<string> {
  const client = await openRaw(port);
  const head = lines[0]?.startsWith('HEAD') ?? false;
  for (let i = 0; i < 2; i++) {
    client.write(rawRequest(lines));
    await client.reply({ head });
  }
  client.close();
  return client.received().replace(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/gm, 'Date: now\r');
}

test.each<[what: string, reply: Partial<WholeReply>, method?: string]>([
  ['a small reply', {}],
  ['one without a body', { status: 204, reason: 'No Content', fields: '', body: '' }],
  [
    '304',
    { status: 304, reason: 'Not Modified', fields: 'ETag: "x"\r\nContent-Length: 12345\r\n', body: '' },
  ],
  ['the reply to HEAD', { fields: 'Content-Length: 12345\r\n', body: '' }, 'HEAD'],
  [
    'an error',
    { status: 503, reason: 'Service Unavailable', fields: 'Content-Length: 2\r\nRetry-After: 1\r\n' },
  ],
  ['a reason of its own', { status: 299, reason: 'Tr\xe8s bien' }],
  ['no reason', { reason: '' }],
  [
    'duplicates, order and every byte',
    { fields: 'x-a: 1\r\nContent-Length: 3\r\nX-A: \xe9\t\xff\r\n', body: '\0\xe9\n' },
  ],
  ['the time of the upstream', { fields: 'date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n' }],
])('%s leaves in one write, with the bytes that Node would send', async (_what, parts, method = 'GET') => {
  const reply = { ...OK, ...parts };
  let writes = 0;
  answer = (_req, res) => {
    const { socket } = res;
    const write = socket?.write.bind(socket);
    if (socket && write)
      socket.write = ((...args: Parameters<typeof write>) => (writes++, write(...args))) as typeof write;
    expect(sendWhole(res, reply)).toBe(true);
    if (socket && write) socket.write = write;
  };
  const ours = await bytesOfTwo([`${method} / HTTP/1.1`, 'Host: h']);
  answer = (_req, res) => {
    res.writeHead(reply.status, reply.reason, rawFields(reply.fields));
    res.end(Buffer.from(reply.body, 'latin1'));
  };
  expect(ours).toBe(await bytesOfTwo([`${method} / HTTP/1.1`, 'Host: h']));
  expect(writes).toBe(2);
});

test('replies to pipelined requests leave in their order', async () => {
  const waiting: ServerResponse[] = [];
  answer = (_req, res) => {
    waiting.push(res);
    if (waiting.length < 3) return;
    for (const [i, each] of [...waiting.entries()].toReversed()) sendWhole(each, { ...OK, body: `#${i}` });
  };
  const client = await openRaw(port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h']).repeat(3));
  const bodies = [];
  for (let i = 0; i < 3; i++) bodies.push((await client.reply()).body.toString());
  client.close();
  expect(bodies).toEqual(['#0', '#1', '#2']);
});

test.each<[what: string, reply: Partial<WholeReply>, request: string[]]>([
  ['the client wants to close the connection', {}, ['GET / HTTP/1.1', 'Host: h', 'Connection: close']],
  ['the client speaks HTTP/1.0', {}, ['GET / HTTP/1.0', 'Connection: keep-alive']],
  ['the client waits to be asked', {}, ['GET / HTTP/1.1', 'Host: h', 'Expect: x']],
  ['it is another length', { fields: 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n' }, []],
  ['the connection ends', { fields: 'connection: close\r\nContent-Length: 2\r\n' }, []],
  [
    'it says how long the connection is kept',
    { fields: 'Keep-Alive: timeout=1\r\nContent-Length: 2\r\n' },
    [],
  ],
  ['trailers are announced', { fields: 'Trailer: X\r\nContent-Length: 2\r\n' }, []],
  ['it is an interim one', { status: 103 }, []],
])('nothing is done when %s', async (_what, parts, request) => {
  let done: boolean | undefined;
  let started: boolean | undefined;
  const answerUs = (_req: IncomingMessage, res: ServerResponse) => {
    done = sendWhole(res, { ...OK, ...parts });
    started = res.headersSent;
    res.end();
  };
  answer = answerUs;
  server.once('checkExpectation', answerUs);
  const client = await openRaw(port);
  client.write(rawRequest(request.length > 0 ? request : ['GET / HTTP/1.1', 'Host: h']));
  await client.reply();
  client.close();
  server.off('checkExpectation', answerUs);
  expect({ done, started }).toEqual({ done: false, started: false });
});

test('a second reply, or one that Node has begun, is refused', async () => {
  const done: boolean[] = [];
  answer = (_req, res) => {
    done.push(sendWhole(res, OK), sendWhole(res, OK));
  };
  const client = await openRaw(port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h']));
  await client.reply();
  client.close();
  expect(done).toEqual([true, false]);
});
