import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportsOf } from '../support/agent-records.ts';
import { startDataPath } from '../support/data-path.ts';
import { freePort } from '../support/ports.ts';
import { expectProblem } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw, startRawUpstream, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const request = (method: string) => rawRequest([`${method} / HTTP/1.1`, 'Host: h', 'Content-Length: 0']);

/** So long a request waits for another agent, or for the upstream to be back. */
const SHORT_WAIT = { hub: { queueWaitMs: 300 } };

test.each(['GET', 'POST'])(
  'an upstream that takes no connections any more: %s gets upstream-unreachable',
  async (method) => {
    const upstream = await startUpstream((_req, res) => res.end());
    const path = await startDataPath(redis, upstream.url, SHORT_WAIT);
    await upstream.close();
    expectProblem(await sendRaw(path.port, request(method)), 502, 'upstream-unreachable', 'no');
    await path.close();
  },
);

test.each([
  [
    'takes no connections',
    async () => `http://127.0.0.1:${await freePort()}`,
    /^ECONNREFUSED 127\.0\.0\.1:\d+$/,
  ],
  ['has a name that does not exist', () => Promise.resolve('http://no-such-host.invalid:81'), /no-such-host/],
])('an upstream that %s gets no request before it could be connected to once', async (_what, url, reason) => {
  const path = await startDataPath(redis, await url(), { hub: { queueWaitMs: 200 } });
  const reply = await sendRaw(path.port, request('POST'));
  expect(reply.status).toBe(503);
  expect(valuesOf(reply.headers, 'router-executed')).toEqual(['no']);
  const reports = [...(await reportsOf(redis.url, path.group)).values()];
  expect(reports.map(({ state }) => state)).toEqual(['upstream-down']);
  expect(reports[0]?.reason).toMatch(reason);
  await path.close();
});

test('a POST whose upstream dies before it answers is not run again: upstream-failed', async () => {
  let calls = 0;
  const path = await startDataPath(redis, (req) => {
    calls += 1;
    req.socket.destroy();
  });
  expectProblem(await sendRaw(path.port, request('POST')), 502, 'upstream-failed', 'maybe');
  expect(calls).toBe(1);
  await path.close();
});

test('a GET whose upstream dies before it answers runs once more, no oftener', async () => {
  let calls = 0;
  const path = await startDataPath(redis, (req, res) => {
    calls += 1;
    if (calls === 2) res.end('second time lucky');
    else req.socket.destroy();
  });
  expect((await sendRaw(path.port, request('GET'))).body.toString()).toBe('second time lucky');
  calls = 2;
  expectProblem(await sendRaw(path.port, request('GET')), 502, 'upstream-failed', 'maybe');
  expect(calls).toBe(4);
  await path.close();
});

test.each([
  ['not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a broken head', 'HTTP/1.1 200 OK\r\nBroken field\r\n\r\n'],
  ['a protocol nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ['another coding of its body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['a conflict of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
])('an upstream that answers with %s has failed', async (_what, bytes) => {
  const upstream = await startRawUpstream((socket) => void socket.write(bytes));
  const path = await startDataPath(redis, upstream.url);
  expectProblem(await sendRaw(path.port, request('POST')), 502, 'upstream-failed', 'maybe');
  await path.close();
  await upstream.close();
});

test('an upstream that switches protocols in the middle of a body has failed', async () => {
  const upstream = await startRawUpstream((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  const path = await startDataPath(redis, upstream.url);
  // More than the hub waits for before the request takes a slot, and not all of it.
  const head = rawRequest(['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked']);
  const half = `${(80_000).toString(16)}\r\n${'x'.repeat(80_000)}\r\n`;
  expectProblem(await sendRaw(path.port, `${head}${half}`), 502, 'upstream-failed', 'maybe');
  await path.close();
  await upstream.close();
});

const DYING: [what: string, listener: RequestListener][] = [
  [
    'with a length',
    (_req, res) => {
      res.writeHead(200, { 'Content-Length': 100 });
      res.write('half', () => setTimeout(() => res.destroy(), 50));
    },
  ],
  [
    'in chunks',
    (_req, res) => {
      res.write('half', () => setTimeout(() => res.destroy(), 50));
    },
  ],
  [
    'in the packet of its head',
    (_req, res) => {
      res.writeHead(200, { 'Content-Length': 100 });
      res.write('half', () => res.destroy());
    },
  ],
  [
    'after a large part',
    (_req, res) => {
      res.writeHead(200, { 'Content-Length': 3_000_000 });
      res.write('h'.repeat(2_000_000), () => res.destroy());
    },
  ],
];

test.each(DYING)(
  'a reply %s that breaks off breaks the connection, never a tidy short 200',
  async (_what, listener) => {
    const path = await startDataPath(redis, listener);
    for (const method of ['GET', 'POST']) {
      const client = await openRaw(path.port);
      client.write(rawRequest([`${method} / HTTP/1.1`, 'Host: h', 'Content-Length: 0', 'Connection: close']));
      await client.ended;
      const received = client.received();
      // It breaks before or within its reply, or it is a 502: all are honest.
      if (!received.startsWith('HTTP/1.1 502')) await expect(client.reply()).rejects.toThrow(/broke/);
      client.close();
    }
    await path.close();
  },
);

test('an upstream that comes back is used again', async () => {
  let upstream = await startUpstream((_req, res) => res.end('one'));
  const { port, url } = upstream;
  const path = await startDataPath(redis, url, { hub: { queueWaitMs: 200 } });
  expect((await sendRaw(path.port, request('GET'))).body.toString()).toBe('one');
  await upstream.close();
  expect([502, 503]).toContain((await sendRaw(path.port, request('GET'))).status);
  upstream = await startUpstream((_req, res) => res.end('two'));
  await new Promise<void>((resolve) => upstream.server.close(() => resolve()));
  await new Promise<void>((resolve) => upstream.server.listen(port, '127.0.0.1', resolve));
  const back = async () => (await sendRaw(path.port, request('GET'))).body.toString() === 'two';
  await waitFor(back, { what: 'the upstream to be used again' });
  await path.close();
  await upstream.close();
});
