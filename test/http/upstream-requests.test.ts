import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { UpstreamRequest } from '../../router-core/http/request-writer.ts';
import type { ReplyHandler } from '../../router-core/agent/upstream/upstream-connection.ts';
import { UpstreamPool, type UpstreamCall } from '../../router-core/agent/upstream/upstream-pool.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

// Requests whose body follows, and calls for another protocol, at the connections themselves.

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const HEAD = 'POST / HTTP/1.1\r\nHost: h\r\n\r\n';

async function poolTo(onHead: (socket: Socket) => void, slots = 8) {
  const sockets = new Set<Socket>();
  let bytes = '';
  const upstream = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let unread = '';
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.toString('latin1');
      unread += chunk.toString('latin1');
      if (!unread.includes(HEAD)) return;
      unread = unread.slice(unread.indexOf(HEAD) + HEAD.length);
      onHead(socket);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const pool = new UpstreamPool({ origin: `http://127.0.0.1:${port}`, connectTimeoutMs: 1_000 });
  pool.slots = slots;
  onTestFinished(async () => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => upstream.close(() => resolve()));
  });
  return { pool, sockets, received: () => bytes };
}

interface Result {
  body: string;
  status: number;
  interim: number[];
  error?: string;
  reached?: boolean;
}

/** Starts a call; `result` resolves at its end, also when it fails. */
function start(
  pool: UpstreamPool,
  request: Partial<UpstreamRequest> = {},
  handler: Partial<ReplyHandler> = {},
) {
  const result: Result = { body: '', status: 0, interim: [] };
  let call: UpstreamCall | undefined;
  let ready = false;
  const over = new Promise<Result>((resolve) => {
    const whole = { method: 'POST', head: HEAD, body: undefined, framing: 0, follows: false, trailers: '' };
    call = pool.call(
      { ...whole, ...request },
      {
        onReady: () => void (ready = true),
        onInterim: (status) => void result.interim.push(status),
        onHead: (status) => void (result.status = status),
        onBody: (chunk) => (result.body += chunk.toString('latin1')) !== '',
        onEnd: () => resolve(result),
        onError: (error, reached) => resolve({ ...result, error: error.message, reached }),
        ...handler,
      },
    );
  });
  const write = (text: string) => call?.write(Buffer.from(text, 'latin1'), () => undefined);
  const isReady = () => waitFor(() => ready, { what: 'the connection' });
  return { over, write, end: (trailers = '') => call?.end(trailers), abort: () => call?.abort(), isReady };
}

test('a body that follows goes out in chunks, and its trailers behind them', async () => {
  const { pool, received } = await poolTo(() => undefined);
  const chunked = start(pool, { framing: 'chunked', follows: true, body: Buffer.from('first ') });
  await chunked.isReady();
  chunked.write('second');
  chunked.write('');
  chunked.end('X-Sum: abc\r\n');
  const end = '0\r\nX-Sum: abc\r\n\r\n';
  await waitFor(() => received().endsWith(end), { what: 'the last chunk' });
  expect(received()).toBe(`${HEAD}6\r\nfirst \r\n6\r\nsecond\r\n${end}`);
});

test.each([
  ['longer', 'four!', /longer than its Content-Length/],
  ['shorter', 'fou', /shorter than its Content-Length/],
])(
  'a body that is %s than announced ends the connection, and never becomes a request',
  async (_what, text, error) => {
    const { pool, sockets } = await poolTo(() => undefined);
    const call = start(pool, { framing: 4, follows: true });
    await call.isReady();
    call.write(text);
    call.end();
    const result = await call.over;
    expect(result.error).toMatch(error);
    await waitFor(() => [...sockets].every(({ destroyed }) => destroyed), { what: 'the close' });
  },
);

test('a connection whose reply came before the end of its request is not used again', async () => {
  const { pool, sockets } = await poolTo((socket) => void socket.write(OK));
  const early = start(pool, { framing: 'chunked', follows: true });
  expect((await early.over).body).toBe('ok');
  // Too late: nothing of it may reach the next request's connection.
  early.write('x');
  early.end();
  expect((await start(pool).over).body).toBe('ok');
  expect(sockets.size).toBe(2);
});

test('interim replies are told, but not 100', async () => {
  const interim =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 199 X\r\n\r\n';
  const { pool } = await poolTo((socket) => void socket.write(interim + OK));
  expect(await start(pool).over).toMatchObject({ interim: [103, 199], status: 200, body: 'ok' });
});

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n';

test('after a 101 bytes flow both ways, also those in its packet, to the end of the connection', async () => {
  const { pool, sockets, received } = await poolTo((socket) => void socket.write(`${SWITCH}left`));
  let body = '';
  const call = start(
    pool,
    { framing: 'switched', follows: true },
    { onBody: (chunk) => (body += chunk.toString()) !== '' },
  );
  await waitFor(() => body === 'left', { what: 'the bytes behind the 101' });
  call.write('up');
  await waitFor(() => received() === `${HEAD}up`, { what: 'bytes of the client' });
  for (const socket of sockets) socket.end(' and more');
  expect(await call.over).toMatchObject({ status: 101 });
  expect(body).toBe('left and more');
  await waitFor(() => [...sockets].every(({ destroyed }) => destroyed), { what: 'the close' });
});

test('nothing is sent for another protocol before the upstream has agreed to it', async () => {
  const { pool, received } = await poolTo(() => undefined);
  const call = start(pool, { framing: 'switched', follows: true });
  await call.isReady();
  call.write('GET /smuggled HTTP/1.1\r\n\r\n');
  expect((await call.over).error).toMatch(/before the switch/);
  expect(received()).toBe(HEAD);
});

test('a 101 without Upgrade is no reply', async () => {
  const { pool } = await poolTo((socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  expect((await start(pool, { framing: 'switched', follows: true }).over).error).toMatch(
    /101 without Upgrade/,
  );
});

test('whether it was reached is what the connection knows', async () => {
  const { pool } = await poolTo((socket) => void socket.destroy());
  expect(await start(pool).over).toMatchObject({ reached: true });
  const refused = new UpstreamPool({
    origin: `http://127.0.0.1:${await freePort()}`,
    connectTimeoutMs: 1_000,
  });
  refused.slots = 1;
  expect(await start(refused).over).toMatchObject({ reached: false });
  refused.destroy();
});

test('there are never more connections than slots: a call waits for one, and an aborted one does not', async () => {
  const answers: (() => void)[] = [];
  const { pool, sockets } = await poolTo((socket) => void answers.push(() => socket.write(OK)), 1);
  const [first, second, third] = [start(pool), start(pool), start(pool)];
  await waitFor(() => answers.length === 1, { what: 'the first call' });
  second?.abort();
  await sleep(50);
  expect(answers.length).toBe(1);
  answers[0]?.();
  expect((await first?.over)?.body).toBe('ok');
  await waitFor(() => answers.length === 2, { what: 'the third call' });
  answers[1]?.();
  expect((await third?.over)?.body).toBe('ok');
  expect(sockets.size).toBe(1);
});

test('a closed connection makes room for a call that waits', async () => {
  const { pool, sockets } = await poolTo((socket) => sockets.size > 1 && socket.write(OK), 1);
  const first = start(pool);
  const second = start(pool);
  await waitFor(() => sockets.size === 1, { what: 'the first call' });
  first.abort();
  expect((await second.over).body).toBe('ok');
  expect(sockets.size).toBe(2);
});
