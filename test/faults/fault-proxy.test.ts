import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { startFaultProxy } from './support/fault-proxy.ts';

/** A server that sends everything back, a proxy in front of it, and connections through that. */
async function startEcho() {
  const ends: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => (ends.push('end'), socket.end()));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => ends.push(code ?? '?'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultProxy((server.address() as AddressInfo).port);
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await proxy.close();
    server.close();
  });
  const dial = async () => {
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    sockets.push(socket);
    const seen = { text: '', end: '' };
    socket.setEncoding('latin1').on('data', (text: string) => (seen.text += text));
    socket.on('end', () => (seen.end = 'end'));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (seen.end = code ?? '?'));
    await once(socket, 'connect').catch(() => undefined);
    return { socket, seen };
  };
  return { proxy, dial, ends };
}

type Echo = Awaited<ReturnType<typeof startEcho>>;
type Dialled = Awaited<ReturnType<Echo['dial']>>;

/** Resolves with how many ms it took until `text` was back. */
async function echoed({ socket, seen }: Dialled, text: string): Promise<number> {
  const startedAt = performance.now();
  seen.text = '';
  socket.write(text);
  await waitFor(() => seen.text === text, { what: 'the echo' });
  return performance.now() - startedAt;
}

test('carries bytes and ends as they are', async () => {
  const { proxy, dial, ends } = await startEcho();
  const dialled = await dial();
  await echoed(dialled, 'x'.repeat(1_000_000));
  dialled.socket.end();
  await waitFor(() => dialled.seen.end === 'end' && ends.length === 1, { what: 'both ends' });
  expect(ends).toEqual(['end']);
  await waitFor(() => proxy.connections === 0, { what: 'the connection to be forgotten' });
});

test('latency holds every chunk back, in order, also while it changes', async () => {
  const { proxy, dial } = await startEcho();
  const dialled = await dial();
  proxy.set({ latencyMs: 60 });
  expect(await echoed(dialled, 'there and back')).toBeGreaterThan(115);

  const text = Array.from({ length: 20 }, (_, i) => `${i} `);
  dialled.seen.text = '';
  for (const [i, piece] of text.entries()) {
    proxy.set({ latencyMs: i % 2 === 0 ? 30 : 0 });
    dialled.socket.write(piece);
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  }
  await waitFor(() => dialled.seen.text === text.join(''), { what: 'everything, in order' });
});

test('a slow line takes its time, and more than it has room for stays with the sender', async () => {
  const { proxy, dial } = await startEcho();
  const dialled = await dial();
  proxy.set({ bytesPerS: 200_000 });
  expect(await echoed(dialled, 'x'.repeat(40_000))).toBeGreaterThan(190);

  dialled.socket.write('x'.repeat(30_000_000));
  const left = dialled.socket.writableLength;
  expect(left).toBeGreaterThan(10_000_000);
});

test('a cut is an orderly end, a reset is not', async () => {
  const { proxy, dial, ends } = await startEcho();
  const first = await dial();
  await echoed(first, 'hello');
  proxy.cut();
  await waitFor(() => first.seen.end !== '' && ends.length === 1, { what: 'both ends' });
  expect([first.seen.end, ...ends]).toEqual(['end', 'end']);

  const second = await dial();
  await echoed(second, 'hello');
  proxy.reset();
  await waitFor(() => second.seen.end !== '' && ends.length === 2, { what: 'both ends' });
  expect([second.seen.end, ends[1]]).toEqual(['ECONNRESET', 'ECONNRESET']);
});

test('half-open: nothing comes through, nobody is told, and it never heals; new connections work afterwards', async () => {
  const { proxy, dial, ends } = await startEcho();
  const before = await dial();
  await echoed(before, 'hello');
  proxy.set({ halfOpen: true });
  const during = await dial();
  for (const { socket } of [before, during]) socket.write('anybody there?');
  proxy.set({ halfOpen: false });
  const after = await dial();
  await echoed(after, 'hello');
  await echoed(after, 'again');

  expect([before.seen, during.seen]).toEqual([
    { text: 'hello', end: '' },
    { text: '', end: '' },
  ]);
  expect(ends).toEqual([]);
  expect(proxy.connections).toBe(3);
});

test('the byte limit lets exactly so many bytes through', async () => {
  const { proxy, dial } = await startEcho();
  const dialled = await dial();
  await echoed(dialled, '0123456789');
  dialled.seen.text = '';
  // 10 bytes there, 7 of them back.
  const reached = proxy.resetAfter(17);
  dialled.socket.write('0123456789');
  await reached;
  await waitFor(() => dialled.seen.end !== '', { what: 'the reset' });
  // The system decides if a reset behind unread bytes is noticed.
  expect(dialled.seen.text).toBe('0123456');
  await echoed(await dial(), 'the limit is spent');
});

test('a proxy that refuses lets nobody in, and those who are in alone', async () => {
  const { proxy, dial } = await startEcho();
  const inside = await dial();
  await echoed(inside, 'hello');
  proxy.set({ refusing: true });
  const refused = await dial();
  await waitFor(() => refused.seen.end !== '', { what: 'the refusal' });
  expect(refused.seen.end).toBe('ECONNRESET');
  await echoed(inside, 'still here');
});
