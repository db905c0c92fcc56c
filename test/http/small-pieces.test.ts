import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { SmallPieces } from '../../router-core/hub/front/small-pieces.ts';
import { Turns } from '../../router-core/hub/front/turns.ts';
import { memoryOf, MIB, TELLS_MEMORY } from '../support/memory.ts';
import { agentHere, hubHere, hubProcess, upstreamHere } from '../support/parts.ts';
import { quantile } from '../support/quantile.ts';
import { openRaw, rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const CLIENTS = 16;
/** The promise: two windows of body for each request. */
const PER_REQUEST_MIB = 2;
/** The growth of the process itself under load: code, heap spaces. */
const SLACK_MIB = 64;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const CHUNKED = rawRequest(['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked']);

/** In a process of their own: what they cost is not to be measured. They tell how many bytes they have written. */
const WRITERS = `
  const block = Buffer.from('1\\r\\nx\\r\\n'.repeat(20000));
  let sent = 0;
  for (let i = 0; i < ${CLIENTS}; i++) {
    const socket = require('net').connect(Number(process.argv[1]), '127.0.0.1');
    const send = () => { sent += block.length; socket.write(block, (error) => error ?? send()); };
    socket.write(${JSON.stringify(CHUNKED)}, send);
  }
  setInterval(() => console.log(sent), 100);
`;

const upstreamOfHashes = () =>
  upstreamHere((req, res) => {
    const hash = createHash('sha256');
    req.on('data', (bytes: Buffer) => hash.update(bytes)).on('end', () => res.end(hash.digest('hex')));
  });

test('a body in chunks of one byte arrives as it was sent', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamOfHashes();
  await agentHere(redis.url, group, upstream.url);
  const hub = await hubHere(redis.url, group);
  const body = randomBytes(300_000);
  const hash = createHash('sha256').update(body).digest('hex');
  const chunks = [...body].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`).join('');
  const reply = await sendRaw(hub.port, `${CHUNKED}${chunks}0\r\n\r\n`);
  expect(reply.body.toString()).toBe(hash);
  // Not only ones of one byte, and their ends.
  const sizes = [
    1,
    1023,
    1,
    1,
    1024,
    2,
    20_000,
    ...Array.from({ length: 400 }, (_each, i) => 1 + ((i * 37) % 1_500)),
  ];
  let sent = Buffer.alloc(0);
  let text = '';
  for (const size of sizes) {
    const piece = randomBytes(size);
    sent = Buffer.concat([sent, piece]);
    text += `${size.toString(16)}\r\n${piece.toString('latin1')}\r\n`;
  }
  const second = await sendRaw(hub.port, `${CHUNKED}${text}0\r\n\r\n`);
  expect(second.body.toString()).toBe(createHash('sha256').update(sent).digest('hex'));
});

test.runIf(TELLS_MEMORY)(
  'beside 16 clients that send chunks of one byte a hub stays small and answers others in time',
  { timeout: 60_000 },
  async () => {
    const group = uniqueGroup();
    const upstream = await upstreamOfHashes();
    await agentHere(redis.url, group, upstream.url, { concurrency: 32 });
    const hub = await hubProcess(redis.url, group);
    const port = Number(new URL(hub.url).port);
    const probe = await openRaw(port);
    const ask = async () => {
      const startedAt = performance.now();
      probe.write(rawRequest(['GET / HTTP/1.1', 'Host: h']));
      await probe.reply();
      return performance.now() - startedAt;
    };
    const askFor = async (ms: number) => {
      const times: number[] = [];
      for (const until = performance.now() + ms; performance.now() < until; await delay(5)) {
        times.push(await ask());
      }
      return quantile(times, 0.99);
    };
    await askFor(1_000);
    // A machine with other things to do is slow for itself.
    const usual = await askFor(2_000);
    const before = memoryOf(hub.pid).now;

    const writers = spawn(process.execPath, ['-e', WRITERS, String(port)]);
    onTestFinished(() => void writers.kill());
    let sent = 0;
    writers.stdout.on('data', (text: Buffer) => (sent = Number(text.toString().trim().split('\n').at(-1))));
    await waitFor(() => sent > 0, { what: 'the first bytes' });
    const beside = await askFor(8_000);
    probe.close();
    expect(sent).toBeGreaterThan(14_000_000);
    expect((memoryOf(hub.pid).highest - before) / MIB).toBeLessThan(CLIENTS * PER_REQUEST_MIB + SLACK_MIB);
    expect(beside).toBeLessThan(Math.max(50, 2 * usual));
  },
);

test('an upgrade and what follows it arrive behind a body in chunks of one byte', async () => {
  const group = uniqueGroup();
  let got = '';
  let switched: Duplex | undefined;
  const upstream = await upstreamHere((req, res) => void req.resume().on('end', () => res.end('taken')));
  upstream.server.on('upgrade', (_req, socket: Duplex) => {
    switched = socket.on('error', () => undefined).on('data', (piece: Buffer) => (got += piece.toString()));
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n');
  });
  await agentHere(redis.url, group, upstream.url);
  const hub = await hubHere(redis.url, group);
  const client = await openRaw(hub.port);
  const upgrade = rawRequest(['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: echo/1']);
  const after = 'and then words. '.repeat(1_000);
  client.write(`${CHUNKED}${'1\r\nx\r\n'.repeat(3_000)}0\r\n\r\n${upgrade}${after}`);
  expect((await client.reply()).body.toString()).toBe('taken');
  await waitFor(() => got.length >= after.length, { what: 'all that was sent behind the upgrade' });
  expect(got).toBe(after);
  switched?.destroy();
  client.close();
});

test('bytes that a client sends one by one behind a request to switch protocols arrive, and cost little while they wait', async () => {
  const group = uniqueGroup();
  let upgraded: Duplex | undefined;
  const upstream = await upstreamHere((_req, res) => void res.end());
  upstream.server.on('upgrade', (_req, socket: Duplex) => (upgraded = socket.on('error', () => undefined)));
  await agentHere(redis.url, group, upstream.url);
  const hub = await hubHere(redis.url, group);
  const client = await openRaw(hub.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: echo/1']));
  const socket = await waitFor(() => upgraded, { what: 'the request at the upstream' });
  const bytes = randomBytes(5_000);
  for (const byte of bytes) {
    client.socket.write(Buffer.of(byte));
    if (byte % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n');
  let got = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => (got = Buffer.concat([got, piece])));
  await waitFor(() => got.length === bytes.length, { what: 'all bytes' });
  expect(got.equals(bytes)).toBe(true);
  socket.destroy();
  client.close();
});

test('small pieces are joined in their order, as far as there is room', () => {
  const pieces = new SmallPieces();
  expect(pieces.isEmpty).toBe(true);
  expect(pieces.add(Buffer.from('a'))).toBe(true);
  expect(pieces.add(Buffer.from('bcd'))).toBe(true);
  expect(pieces.count).toBe(2);
  const first = pieces.take();
  expect(pieces.add(Buffer.from('e'))).toBe(true);
  // A piece that was taken is not reused.
  expect(first.toString()).toBe('abcd');
  expect(pieces.take().toString()).toBe('e');
  for (let i = 0; i < 16; i++) expect(pieces.add(Buffer.alloc(1_024))).toBe(true);
  expect(pieces.add(Buffer.alloc(1))).toBe(false);
  expect(pieces.take()).toHaveLength(16 * 1_024);
});

test('expensive connections are read one after the other', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const connection = (name: string) => ({
    hold: () => void log.push(`${name} waits`),
    release: () => void log.push(`${name} reads`),
  });
  const [a, b] = [connection('a'), connection('b')];
  turns.wait(a);
  turns.wait(b);
  turns.wait(a);
  await waitFor(() => log.length === 5, { what: 'both turns' });
  expect(log).toEqual(['a waits', 'b waits', 'a waits', 'a reads', 'b reads']);
  turns.close();
});
