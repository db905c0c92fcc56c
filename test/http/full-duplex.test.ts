import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../support/config.ts';
import { openRaw, rawRequest, sendRaw, type RawConnection } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let path: { port: number; close(): Promise<void> };
let onRequest: (req: IncomingMessage, res: ServerResponse) => void = () => {};

beforeAll(async () => {
  redis = await startRedis();
  const upstream = await startUpstream((req, res) => onRequest(req, res));
  const group = uniqueGroup();
  await configure(redis.url, {
    groups: [{ name: group, maxBodyBytes: 50_000_000 }],
    routes: [
      { name: 'plain', groups: [{ group }] },
      { name: 'duplex', match: { path: '/duplex/*' }, groups: [{ group }], duplex: true },
    ],
  });
  const agent = await startTestAgent(redis.url, group, upstream.url, { drainMs: 300 });
  const hub = await startTestHub(redis.url, '', { groups: [], drainMs: 300 });
  path = {
    port: hub.port,
    close: async () => {
      await Promise.all([hub.close(), agent.close()]);
      await upstream.close();
    },
  };
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const hears = (client: RawConnection, text: string) =>
  waitFor(() => client.received().includes(text), { what: `the client to hear ${text}`, timeoutMs: 2_000 });

test.each([
  ['chunked', ['Transfer-Encoding: chunked']],
  ['with a length', ['Content-Length: 200000']],
  ['gRPC', ['Transfer-Encoding: chunked', 'Content-Type: application/grpc+proto']],
])('a question and an answer take turns within one request, %s', async (what, framing) => {
  onRequest = (req, res) => {
    req.setEncoding('latin1').on('data', (text: string) => {
      for (const [word] of text.matchAll(/ping\d/g)) res.write(`pong${word.slice(4)} `);
    });
    req.on('end', () => res.end('bye'));
  };
  const isChunked = what !== 'with a length';
  const part = (text: string) => (isChunked ? chunk(text) : text);
  const client = await openRaw(path.port);
  // The route decides, or the kind of the request.
  const target = what === 'gRPC' ? '/' : '/duplex/';
  client.write(rawRequest([`POST ${target} HTTP/1.1`, 'Host: h', ...framing]));
  for (let i = 1; i <= 4; i++) {
    client.write(part(`ping${i}`));
    await hears(client, `pong${i}`);
  }
  client.write(isChunked ? '0\r\n\r\n' : 'x'.repeat(200_000 - 4 * 5));
  const reply = await client.reply();
  expect(reply.body.toString()).toBe('pong1 pong2 pong3 pong4 bye');
  client.close();
});

test('an upstream that answers at once and reads the body later gets all of it', async () => {
  let got = 0;
  onRequest = (req, res) => {
    res.write('early ');
    setTimeout(
      () => req.on('data', (data: Buffer) => (got += data.length)).on('end', () => res.end('late')),
      200,
    );
  };
  const client = await openRaw(path.port);
  client.write(rawRequest(['POST /duplex/ HTTP/1.1', 'Host: h', 'Content-Length: 3000000'], 'x'));
  await hears(client, 'early');
  client.write('x'.repeat(2_999_999));
  expect((await client.reply()).body.toString()).toBe('early late');
  expect(got).toBe(3_000_000);
  client.close();
});

test.each([
  ['before any of the body is sent', '/duplex/', 0],
  ['while the body is being sent', '/', 100_000],
])('an answer without reading the body reaches the client %s', async (_what, target, sent) => {
  onRequest = (_req, res) => res.writeHead(403, { 'Content-Length': 2 }).end('no');
  const client = await openRaw(path.port);
  client.write(
    rawRequest([`POST ${target} HTTP/1.1`, 'Host: h', 'Content-Length: 1000000'], 'x'.repeat(sent)),
  );
  const reply = await client.reply();
  expect(reply.status).toBe(403);
  expect(reply.body.toString()).toBe('no');
  client.close();
});

test.each([
  ['an upstream that answers without reading it', 10_000_000, 403],
  ['a hub that refuses it', 60_000_000, 413],
])(
  'a client that sends all of its large body first still gets the answer of %s',
  async (_who, size, status) => {
    onRequest = (_req, res) => res.writeHead(403, { 'Content-Length': 2 }).end('no');
    // The client is still writing when the answer comes: a connection that is reset now takes the answer with it.
    for (let i = 0; i < 5; i++) {
      const body = Buffer.alloc(size);
      const head = Buffer.from(rawRequest(['POST / HTTP/1.1', 'Host: h', `Content-Length: ${size}`]));
      const reply = await sendRaw(path.port, Buffer.concat([head, body]));
      expect(reply.status).toBe(status);
    }
  },
);

test('after an answer that overtook its request body the next request is not taken from that body', async () => {
  const urls: string[] = [];
  onRequest = (req, res) => {
    urls.push(req.url ?? '');
    res.end('no');
  };
  const hidden = rawRequest(['GET /hidden HTTP/1.1', 'Host: h']);
  const client = await openRaw(path.port);
  client.write(rawRequest(['POST /duplex/outer HTTP/1.1', 'Host: h', 'Content-Length: 100000'], 'x'));
  await client.reply();
  client.write(hidden.padEnd(99_999, 'x'));
  await client.ended;
  expect(urls).toEqual(['/duplex/outer']);
});

test('a server that speaks first is heard before any of the body is sent', async () => {
  onRequest = (req, res) => {
    res.write('hello ');
    req.resume().on('end', () => res.end('bye'));
  };
  const client = await openRaw(path.port);
  client.write(rawRequest(['POST /duplex/ HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked']));
  await hears(client, 'hello');
  client.write(`${chunk('x')}0\r\n\r\n`);
  expect((await client.reply()).body.toString()).toBe('hello bye');
  client.close();
});
