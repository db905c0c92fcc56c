import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lingering } from '../../router-core/hub/front/lingering.ts';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const LIMIT = 1_000_000;

let redis: TestRedis;
let path: DataPath;
const { listener } = recordRequests();
beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, listener, { hub: { maxBodyBytes: LIMIT } });
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const head = (framing: string) => rawRequest(['POST / HTTP/1.1', 'Host: h', framing]);

/** Writes everything, and only then begins to read: as clients do that know nothing of early replies. */
async function writeThenRead(port: number, parts: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  for (const part of parts) {
    await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    // The refusal is on its way while the client still writes.
    await delay(20);
  }
  let received = '';
  socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
  if (!socket.closed) await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.destroy();
  return received;
}

const piece = Buffer.alloc(200_000, 'x');
const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);

test.each([
  [
    'an announced length over the limit',
    'Content-Length: 4000000',
    Array.from({ length: 20 }, () => piece),
    413,
  ],
  [
    'chunks that grow over the limit',
    'Transfer-Encoding: chunked',
    Array.from({ length: 20 }, () => chunk),
    413,
  ],
  ['a chunk that is none', 'Transfer-Encoding: chunked', [Buffer.from('zz\r\n'), piece, piece, piece], 400],
])('a client that writes all, then reads, gets the refusal of %s', async (_what, framing, parts, status) => {
  for (let i = 0; i < 5; i++) {
    expect(await writeThenRead(path.port, [head(framing), ...parts])).toMatch(
      new RegExp(`^HTTP/1.1 ${status} `),
    );
  }
});

test('a connection that lingers is cut after two seconds', async () => {
  const client = await openRaw(path.port);
  client.write(head('Content-Length: 2000000') + 'x'.repeat(1_000));
  expect((await client.reply()).status).toBe(413);
  const startedAt = performance.now();
  // A connection that was cut answers the next bytes with a reset.
  const timer = setInterval(() => client.write('x'), 50);
  await new Promise((resolve) => client.socket.on('close', resolve));
  clearInterval(timer);
  expect(performance.now() - startedAt).toBeGreaterThan(1_500);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

test('a drain does not wait for connections that linger', async () => {
  const own = await startDataPath(redis, listener, { hub: { maxBodyBytes: 10, drainMs: 1_500 } });
  const clients = await Promise.all(Array.from({ length: 5 }, () => openRaw(own.port)));
  for (const client of clients) client.write(head('Content-Length: 100000'));
  for (const client of clients) expect((await client.reply()).status).toBe(413);
  const startedAt = performance.now();
  await own.hub.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await own.close();
});

test('only so many linger: the oldest is cut first', async () => {
  const lingering = new Lingering(2);
  const clients = await Promise.all([1, 2, 3].map(() => openRaw(path.port)));
  for (const { socket } of clients) lingering.add(socket, undefined);
  expect(lingering.size).toBe(2);
  expect(clients.map(({ socket }) => socket.destroyed)).toEqual([true, false, false]);
  lingering.close();
  await waitFor(() => clients.every(({ socket }) => socket.destroyed), { what: 'all to be cut' });
});
