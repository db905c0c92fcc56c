import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentHere, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { MIB } from '../support/memory.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

/** Windows, and what sockets on the way hold: far below what is sent. */
const AHEAD_MIB = 16;
const BODY_MIB = 96;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function redisMemory(): Promise<number> {
  const info = await withRedis(redis.url, (client) => client.info('memory'));
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

/** Resolves when a count has not moved for half a second. */
async function waitUntilHeldBack(count: () => number): Promise<void> {
  let last = -1;
  await waitFor(
    async () => {
      const before = last;
      last = count();
      if (last > 0 && before === last) return true;
      await delay(500);
      return false;
    },
    { what: 'the writer to be held back' },
  );
}

/** Writes BODY_MIB as fast as the other side takes it. */
async function writeAll(
  target: { write(chunk: Buffer): boolean; end(): unknown; once: unknown },
  onWritten: (bytes: number) => void,
): Promise<void> {
  for (let i = 0; i < BODY_MIB * 16; i++) {
    onWritten(CHUNK.length);
    if (!target.write(CHUNK)) await once(target as unknown as NodeJS.EventEmitter, 'drain');
  }
  target.end();
}

test('a client that stops reading holds the upstream back, and gets all when it reads on', async () => {
  const group = uniqueGroup();
  let written = 0;
  const upstream = await upstreamHere((_req, res) => void writeAll(res, (bytes) => (written += bytes)));
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  const memoryBefore = await redisMemory();
  const req = request(hub.url, { agent: false }).end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  res.pause();

  await waitUntilHeldBack(() => written);

  expect(written / MIB).toBeLessThan(AHEAD_MIB);
  expect((await redisMemory()) - memoryBefore).toBeLessThan(8 * MIB);
  let received = 0;
  for await (const chunk of res) received += (chunk as Buffer).length;
  expect(received).toBe(BODY_MIB * MIB);
});

test('an upstream that stops reading holds the client back, and gets all when it reads on', async () => {
  const group = uniqueGroup();
  let written = 0;
  let received = 0;
  let readOn = () => {};
  const upstream = await upstreamHere((req, res) => {
    readOn = () => {
      req.on('data', (chunk: Buffer) => (received += chunk.length));
      req.on('end', () => res.end('all'));
    };
  });
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  const memoryBefore = await redisMemory();
  const req = request(hub.url, { method: 'POST', agent: false });
  const answered = once(req, 'response') as Promise<[IncomingMessage]>;
  const sent = writeAll(req, (bytes) => (written += bytes));

  await waitUntilHeldBack(() => written);

  expect(written / MIB).toBeLessThan(AHEAD_MIB);
  expect((await redisMemory()) - memoryBefore).toBeLessThan(8 * MIB);
  readOn();
  await sent;
  const [res] = await answered;
  expect(res.statusCode).toBe(200);
  res.resume();
  expect(received).toBe(BODY_MIB * MIB);
});

test('a client that reads slowly does not slow another one', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere((req, res) => {
    if (req.url === '/quick') res.end('quick');
    else void writeAll(res, () => {});
  });
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  const slow = request(hub.url, { agent: false }).end();
  const [res] = (await once(slow, 'response')) as [IncomingMessage];
  res.pause();

  const startedAt = performance.now();
  for (let i = 0; i < 50; i++) expect(await (await fetch(`${hub.url}/quick`)).text()).toBe('quick');
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  slow.destroy();
});
