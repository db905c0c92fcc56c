import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** As Python's HTTPServer with HTTP/1.1: it serves one connection to its end, and the others wait until then. */
async function startOneThread(answer: (head: string) => string) {
  const queue: Socket[] = [];
  const queuedAt = new WeakMap<Socket, number>();
  let longestWaitMs = 0;
  const serve = (socket: Socket) => {
    longestWaitMs = Math.max(longestWaitMs, performance.now() - (queuedAt.get(socket) ?? 0));
    let bytes = '';
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.toString('latin1');
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(bytes)?.[1] ?? 0);
      if (bytes.length < end + 4 + length) return;
      const head = bytes.slice(0, end);
      bytes = bytes.slice(end + 4 + length);
      socket.write(answer(head));
    });
    socket.resume();
  };
  const server = createServer((socket) => {
    queue.push(socket);
    queuedAt.set(socket, performance.now());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const wasFirst = queue[0] === socket;
      queue.splice(queue.indexOf(socket), 1);
      if (wasFirst && queue[0]) serve(queue[0]);
    });
    if (queue.length === 1) serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of queue) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, longestWaitMs: () => longestWaitMs };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test.each([
  ['with a health check', '/health'],
  ['without a health check', undefined],
])(
  'an upstream that serves one connection at a time is never locked out, %s',
  async (_what, healthPath) => {
    let checks = 0;
    const upstream = await startOneThread((head) => {
      if (head.startsWith('GET /health ')) checks += 1;
      return OK;
    });
    const group = uniqueGroup();
    const hub = await hubHere(redis.url, group);
    await agentHere(redis.url, group, upstream.url, { concurrency: 1, healthPath });
    await ask(hub.url);

    const times: number[] = [];
    for (const bytes of [65_537, 0, 10, 0, 200_000, 0]) {
      const startedAt = performance.now();
      const { status } = await ask(hub.url, { method: 'POST', body: 'x'.repeat(bytes) });
      expect(status).toBe(200);
      times.push(performance.now() - startedAt);
    }
    // Locked out, it would take 4 s, or for ever.
    expect(Math.max(...times)).toBeLessThan(1_000);
    // A health check comes within 5 s, while the connection is idle.
    if (healthPath !== undefined) await sleep(5_500);
    expect((await ask(hub.url)).status).toBe(200);
    if (healthPath !== undefined) expect(checks).toBeGreaterThan(1);
    expect([...(await reportsOf(redis.url, group)).values()].map(({ state }) => state)).toEqual(['ready']);
    // A new connection may come in the moment in which the old one is closed, and no earlier.
    expect(upstream.longestWaitMs()).toBeLessThan(500);
  },
  20_000,
);

test('a call that runs longer than a health check may take counts as health', async () => {
  const upstream = await startOneThread((head) => (head.startsWith('GET /slow ') ? '' : OK));
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { firstByteTimeoutMs: 11_000 });
  await agentHere(redis.url, group, upstream.url, { concurrency: 1, healthPath: '/health' });
  const slow = ask(`${hub.url}/slow`);
  await sleep(10_500);
  expect([...(await reportsOf(redis.url, group)).values()].map(({ state }) => state)).toEqual(['ready']);
  expect((await slow).status).toBe(504);
  // Its connection was closed, and nothing was left behind it.
  expect((await ask(hub.url)).status).toBe(200);
}, 20_000);
