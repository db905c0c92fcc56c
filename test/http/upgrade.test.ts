import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream, type TestUpstream } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let upstream: TestUpstream;
let path: DataPath;
let onUpgrade: (socket: Duplex, req: IncomingMessage) => void = () => {};
let connections: Duplex[] = [];
const everyConnection: Duplex[] = [];

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startUpstream((_req, res) => res.end('plain'));
  upstream.server.on('upgrade', (req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    connections.push(socket);
    everyConnection.push(socket);
    onUpgrade(socket, req);
  });
  path = await startDataPath(redis, upstream.url);
});
beforeEach(() => {
  connections = [];
});
afterAll(async () => {
  await path.close();
  for (const socket of everyConnection) socket.destroy();
  await upstream.close();
  await redis.stop();
});

const ASK = [
  'GET /chat?x HTTP/1.1',
  'Host: h',
  'Connection: Upgrade',
  'Upgrade: echo/1',
  'Sec-WebSocket-Key: abc',
];
const SWITCH = rawRequest([
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: echo/1',
  'X-Up: 1',
]);
const echo = (socket: Duplex) => {
  socket.write(SWITCH);
  socket.pipe(socket);
};

async function openSwitched() {
  const client = await openRaw(path.port);
  client.write(rawRequest(ASK));
  const reply = await client.reply();
  expect(reply.status).toBe(101);
  return { client, reply };
}
const closed = (what: string) =>
  waitFor(() => connections[0]?.destroyed, {
    what: `the upstream's connection to close ${what}`,
    timeoutMs: 3_000,
  });

test('after a 101 bytes flow both ways', async () => {
  let asked: IncomingMessage | undefined;
  onUpgrade = (socket, req) => {
    asked = req;
    echo(socket);
  };
  const { client, reply } = await openSwitched();
  expect(valuesOf(reply.headers, 'upgrade')).toEqual(['echo/1']);
  expect(valuesOf(reply.headers, 'connection').join().toLowerCase()).toBe('upgrade');
  expect(valuesOf(reply.headers, 'x-up')).toEqual(['1']);
  expect(asked?.url).toBe('/chat?x');
  expect(asked?.headers).toMatchObject({ upgrade: 'echo/1', 'sec-websocket-key': 'abc' });
  for (const word of ['one', 'two\x00\xff', 'three']) {
    client.write(word);
    await waitFor(() => client.received().endsWith(word), { what: `${word} to come back` });
  }
  client.close();
  await closed('with the client');
});

test('3 MiB flow through a switched connection unharmed', async () => {
  onUpgrade = echo;
  const { client } = await openSwitched();
  const start = client.received().length;
  const bytes = randomBytes(3 * 1024 * 1024);
  client.write(bytes);
  await waitFor(() => client.received().length >= start + bytes.length, { what: 'all bytes back' });
  const back = Buffer.from(client.received().slice(start), 'latin1');
  expect(createHash('sha256').update(back).digest('hex')).toBe(
    createHash('sha256').update(bytes).digest('hex'),
  );
  client.close();
});

test('an upstream that speaks first is heard, even in the packet of its 101', async () => {
  onUpgrade = (socket) => void socket.write(`${SWITCH}hello`);
  const { client } = await openSwitched();
  await waitFor(() => client.received().endsWith('hello'), { what: 'the greeting' });
  client.close();
});

test('a client that speaks before the 101 is heard', async () => {
  onUpgrade = echo;
  const client = await openRaw(path.port);
  client.write(rawRequest(ASK, 'eager'));
  expect((await client.reply()).status).toBe(101);
  await waitFor(() => client.received().endsWith('eager'), {
    what: 'the eager bytes back',
    timeoutMs: 3_000,
  });
  client.close();
});

test('a client that closes stops the upstream', async () => {
  onUpgrade = echo;
  const { client } = await openSwitched();
  client.close();
  await closed('with the client');
});

test('a client that gives up before the answer stops the upstream', async () => {
  onUpgrade = (socket) => void socket.on('end', () => socket.end()).resume();
  const client = await openRaw(path.port);
  client.write(rawRequest(ASK));
  await waitFor(() => connections.length > 0, { what: 'the request at the upstream' });
  // It ends both directions: nobody will read an answer.
  client.close();
  await closed('with the client');
});

test('an upstream that closes ends the connection of the client', async () => {
  onUpgrade = (socket) => void socket.end(`${SWITCH}last words`);
  const { client } = await openSwitched();
  await client.ended;
  expect(client.received()).toMatch(/last words$/);
  client.close();
});

test.each([
  ['426', 'Content-Length: 2', 'no'],
  ['403', 'Transfer-Encoding: chunked', '2\r\nno\r\n0\r\n\r\n'],
])('an upstream that refuses to switch with %s and %s is heard', async (status, framing, body) => {
  onUpgrade = (socket) =>
    void socket.end(rawRequest([`HTTP/1.1 ${status} Refused`, framing, 'X-Why: old'], body));
  const client = await openRaw(path.port);
  client.write(rawRequest(ASK));
  const reply = await client.reply();
  expect(reply.status).toBe(Number(status));
  expect(valuesOf(reply.headers, 'x-why')).toEqual(['old']);
  expect(reply.body.toString()).toBe('no');
  client.close();
});
