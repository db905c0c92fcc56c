import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { UpstreamPool } from '../../router-core/agent/upstream/upstream-pool.ts';
import type { UpstreamRequest } from '../../router-core/http/request-writer.ts';
import type { ReplyHandler } from '../../router-core/agent/upstream/upstream-connection.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { startRawUpstream } from '../support/raw-http.ts';
import { waitFor } from '../support/wait.ts';

const IGNORE: ReplyHandler = {
  onReady: () => undefined,
  onInterim: () => undefined,
  onHead: () => undefined,
  onBody: () => true,
  onEnd: () => undefined,
  onError: () => undefined,
};
const GET: UpstreamRequest = {
  method: 'GET',
  head: 'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
  body: undefined,
  framing: 0,
  follows: false,
  trailers: '',
};
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n';

/** A pool to an upstream that answers every request as `answer` does; `connections` counts those it was given. */
async function poolTo(answer: (socket: Socket, request: number) => void) {
  const sockets = new Set<Socket>();
  let requests = 0;
  const upstream = await startRawUpstream((socket) => {
    sockets.add(socket);
    requests += 1;
    answer(socket, requests);
  });
  const pool = new UpstreamPool({ origin: upstream.url, connectTimeoutMs: 1_000 });
  pool.slots = 8;
  onTestFinished(async () => {
    pool.destroy();
    await upstream.close();
  });
  return { pool, sockets, connections: () => sockets.size };
}

/** Resolves with the body; rejects with what went wrong. */
function ask(pool: UpstreamPool): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = '';
    pool.call(GET, {
      ...IGNORE,
      onBody: (bytes) => (body += bytes.toString()) !== '',
      onEnd: () => resolve(body),
      onError: reject,
    });
  });
}

test('one connection serves one request after the other, several as many at once', async () => {
  const { pool, connections } = await poolTo((socket) => socket.write(`${OK}\r\nok`));
  for (let i = 0; i < 3; i++) {
    expect(await ask(pool)).toBe('ok');
    await sleep(1);
  }
  expect(connections()).toBe(1);
  expect(await Promise.all([ask(pool), ask(pool), ask(pool)])).toEqual(['ok', 'ok', 'ok']);
  expect(connections()).toBe(3);
});

test.each([
  ['says that it closes', `${OK}Connection: close\r\n\r\nok`],
  ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['will have closed before a request can arrive', `${OK}Keep-Alive: timeout=1\r\n\r\nok`],
  ['sends more than belongs to its reply', `${OK}\r\nok, and more`],
])('a connection is not used again when the upstream %s', async (_what, reply) => {
  const { pool, connections } = await poolTo((socket) => socket.write(reply));
  expect(await ask(pool)).toBe('ok');
  await sleep(1);
  expect(await ask(pool)).toBe('ok');
  expect(connections()).toBe(2);
});

test('an idle connection is closed a second before the upstream would', async () => {
  const { pool, sockets } = await poolTo((socket) => socket.write(`${OK}Keep-Alive: timeout=2\r\n\r\nok`));
  expect(await ask(pool)).toBe('ok');
  await sleep(100);
  expect(await ask(pool)).toBe('ok');
  expect(sockets.size).toBe(1);
  const [socket] = sockets;
  await waitFor(() => socket?.readyState !== 'open', { what: 'the close', timeoutMs: 3_500 });
});

test.each([
  ['has closed', (socket: Socket) => socket.end()],
  ['has been sent what nobody asked for', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')],
])('an idle connection that %s costs no request', async (_what, spoil) => {
  const { pool, sockets } = await poolTo((socket, request) => socket.write(`${OK}\r\n${request}${request}`));
  expect(await ask(pool)).toBe('11');
  for (const socket of sockets) spoil(socket);
  await sleep(50);
  expect(await ask(pool)).toBe('22');
  expect(sockets.size).toBe(2);
});

test('a call that is over cannot end the next one on its connection', async () => {
  const { pool } = await poolTo((socket, request) => {
    if (request === 1) socket.write(`${OK}\r\nok`);
    else setTimeout(() => socket.write(`${OK}\r\nok`), 50);
  });
  let abortFirst = () => undefined as void;
  await new Promise<void>((resolve) => {
    const first = pool.call(GET, { ...IGNORE, onEnd: () => resolve() });
    abortFirst = () => first.abort();
  });
  await sleep(1);
  const second = ask(pool);
  abortFirst();
  expect(await second).toBe('ok');
});

test('a reply that ends with its connection is whole', async () => {
  const { pool } = await poolTo((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nas long as it is'));
  expect(await ask(pool)).toBe('as long as it is');
});

test('interim replies that nobody asked for are read over', async () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  const { pool, connections } = await poolTo((socket) =>
    socket.write(`HTTP/1.1 100 Continue\r\n\r\n${hints}${OK}\r\nok`),
  );
  expect(await ask(pool)).toBe('ok');
  await sleep(1);
  expect(await ask(pool)).toBe('ok');
  expect(connections()).toBe(1);
});
