import { once } from 'node:events';
import type { Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { OutgoingFrames } from '../../router-core/websocket/wire/outgoing-frames.ts';

const LENGTHS = [0, 1, 9, 125, 126, 4_096, 4_097, 16_384, 65_535, 65_536, 256 * 1024];

/** Both ends of a WebSocket, and the streams under them. */
async function connected() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = new Promise<[WebSocket, Socket]>((resolve) =>
    server.on('connection', (ws, { socket }) => resolve([ws, socket])),
  );
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  let stream: Duplex | undefined;
  client.on('upgrade', ({ socket }) => (stream = socket));
  await once(client, 'open');
  const [served, servedStream] = await accepted;
  onTestFinished(() => {
    client.terminate();
    server.close();
  });
  return { client, clientStream: stream as Duplex, served, servedStream };
}

/** Resolves with the next messages. */
function received(ws: WebSocket, count: number): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  return new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('message', (data, isBinary) => {
      expect(isBinary).toBe(true);
      messages.push(data as Buffer);
      if (messages.length === count) resolve(messages);
    });
  });
}

test.each(['agent', 'hub'])('messages of every size arrive as the %s has sent them', async (side) => {
  const { client, clientStream, served, servedStream } = await connected();
  const isAgent = side === 'agent';
  const frames = new OutgoingFrames(isAgent ? clientStream : servedStream, { masks: isAgent });
  const messages = [...LENGTHS, ...LENGTHS.toReversed()].map((length) => randomBytes(length));
  const arrived = received(isAgent ? served : client, messages.length);
  messages.forEach((message, i) => {
    // A message that is large is masked where it is.
    frames.add(Buffer.from(message));
    if (i % 5 === 4) frames.flush();
  });
  frames.flush();
  expect(Buffer.concat(await arrived).equals(Buffer.concat(messages))).toBe(true);
});

test('thousands of small messages arrive in order, with pings between them', async () => {
  const { client, clientStream, served } = await connected();
  const frames = new OutgoingFrames(clientStream, { masks: true });
  const texts = Array.from({ length: 5_000 }, (_, i) => `message ${i}`);
  const arrived = received(served, texts.length);
  const pinged = once(served, 'ping');
  for (const [i, text] of texts.entries()) {
    frames.add(Buffer.from(text));
    if (i % 100 === 0) client.ping();
    if (i % 7 === 0) frames.flush();
  }
  frames.flush();
  expect((await arrived).map(String)).toEqual(texts);
  await pinged;
});

test('bytes count until they have left', async () => {
  const { clientStream } = await connected();
  const frames = new OutgoingFrames(clientStream, { masks: true });
  frames.add(Buffer.alloc(100));
  expect(frames.waitingBytes).toBe(106);
  frames.add(Buffer.alloc(70_000));
  expect(frames.waitingBytes).toBe(106 + 70_014);
  frames.flush();
  expect(frames.waitingBytes).toBe(clientStream.writableLength);
});
