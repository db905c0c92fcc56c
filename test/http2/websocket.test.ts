import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { answerOf, openHttp2 } from '../support/http2-client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

// WebSockets over HTTP/2, RFC 8441: an extended CONNECT towards an upstream that knows HTTP/1.1 alone.

let redis: TestRedis;
let path: DataPath;
let closed = 0;
const upgrades: Record<string, unknown>[] = [];
const server = createServer((_req, res) => res.end('no WebSocket here'));
const echo = new WebSocketServer({ noServer: true, handleProtocols: () => 'chat' });

beforeAll(async () => {
  redis = await startRedis();
  server.on('upgrade', (req, socket: Socket, head) => {
    upgrades.push({ method: req.method, ...req.headers });
    socket.on('close', () => (closed += 1));
    if (req.url === '/wrong') {
      const accept = createHash('sha1').update('wrong').digest('base64');
      socket.write(
        `HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    } else if (req.url === '/no')
      socket.end('HTTP/1.1 403 No\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnever');
    else if (req.url === '/page')
      socket.end('HTTP/1.1 200 Ok\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage');
    else {
      echo.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', (message, isBinary) => ws.send(message, { binary: isBinary }));
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  path = await startDataPath(redis, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  await path.close();
  echo.close();
  server.close();
  server.closeAllConnections();
  await redis.stop();
});

async function openWebSocket(target: string) {
  const client = await openHttp2(path.hub.url);
  const stream = client.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':authority': 'h',
    ':path': target,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat',
  });
  stream.on('error', () => undefined);
  return { client, stream };
}

/** A text message of a client, masked with zeros (RFC 6455 §5.2). */
const message = (text: string) =>
  Buffer.concat([Buffer.of(0x81, 0x80 + text.length, 0, 0, 0, 0), Buffer.from(text)]);

test('the hub says that it takes extended CONNECTs', async () => {
  const client = await openHttp2(path.hub.url);
  expect(client.remoteSettings.enableConnectProtocol).toBe(true);
});

test('messages flow both ways, and the fields of the handshake do not cross', async () => {
  const { stream } = await openWebSocket('/echo');
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(head).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
  expect(
    Object.keys(head).filter((name) => /^(?:upgrade|connection|sec-websocket-accept)$/.test(name)),
  ).toEqual([]);
  const received: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => received.push(chunk));
  for (const text of ['one', 'two']) stream.write(message(text));
  await waitFor(() => Buffer.concat(received).toString('latin1') === '\x81\x03one\x81\x03two', {
    what: 'echoes',
  });
  expect(upgrades.at(-1)).toMatchObject({
    method: 'GET',
    'sec-websocket-version': '13',
    upgrade: 'websocket',
  });
  const before = closed;
  stream.close(8);
  await waitFor(() => closed > before, { what: 'the upstream to be left' });
});

test.each([
  { what: 'a 101 that accepts another key', target: '/wrong', status: 502 },
  { what: 'a refusal', target: '/no', status: 403 },
  { what: 'a page in place of a WebSocket', target: '/page', status: 502 },
])('$what is no WebSocket', async ({ target, status }) => {
  const { client, stream } = await openWebSocket(target);
  stream.end();
  expect(await answerOf(stream)).toMatchObject({ status, rstCode: 0 });
  expect(client.destroyed).toBe(false);
});
