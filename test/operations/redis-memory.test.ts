import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFile, section, tableRows } from '../docs/markdown.ts';
import { ask, startAsking, type AskOptions } from '../support/ask.ts';
import { agentHere, hubHere, redisHere, upstreamHere, waitForQueued, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup, type TestHub } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The costs in Redis that docs/operations.md states. Engines and versions differ: within a factor of two is near.

const REQUESTS = 200;
/** As a usual client sends them. */
const HEADERS = { 'user-agent': 'x'.repeat(80), authorization: 'x'.repeat(60), accept: 'x'.repeat(100) };

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Bytes of the row in the table; the first cell says what. */
function documented(what: string): number {
  const rows = tableRows(section(readFile('docs/operations.md'), '### What things cost in Redis'));
  const [, text = ''] = rows.find(([name]) => name === what) ?? [];
  const [, digits, unit] = /^([\d.]+) (KiB|B)$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`no size of "${what}" in the table`);
  return Number(digits) * (unit === 'KiB' ? 1024 : 1);
}

/** Memory of a group's keys alone: the buffers of connections grow and shrink meanwhile. */
function memoryOfKeys(group: string): Promise<number> {
  return withRedis(redis.url, async (client) => {
    const keys = await client.keys(`mr:{${group}}:*`);
    const sizes = await Promise.all(keys.map((key) => client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')));
    return sizes.reduce<number>((sum, size) => sum + Number(size ?? 0), 0);
  });
}

/** Keys and connections together. */
function memoryUsed(url: string): Promise<number> {
  return withRedis(url, async (client) => {
    const info = await client.info('memory');
    return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  });
}

function expectNear(what: string, measured: number): void {
  const wanted = documented(what);
  const near = measured > wanted / 2 && measured < wanted * 2;
  expect({ what, wanted, measured, near }).toMatchObject({ near: true });
}

/** For connections: how much of their buffers is taken back while nothing happens is the engine's business. */
function expectAtMost(what: string, measured: number): void {
  expect({ what, measured, limit: documented(what) * 2 }).toSatisfy(
    ({ limit }: { limit: number }) => measured > 0 && measured < limit,
  );
}

interface CostOptions {
  hub: TestHub;
  group: string;
  options?: AskOptions;
  reached: () => Promise<unknown>;
}

/** The cost of each of REQUESTS requests, measured when `reached` says that all of them are in place. */
async function costOfRequest({ hub, group, options = {}, reached }: CostOptions): Promise<number> {
  const before = await memoryOfKeys(group);
  const asked = Array.from({ length: REQUESTS }, () =>
    startAsking(hub.url, { headers: HEADERS, ...options }),
  );
  await reached();
  const cost = ((await memoryOfKeys(group)) - before) / REQUESTS;
  for (const each of asked) each.disconnect();
  await Promise.all(asked.map(({ outcome }) => outcome));
  return cost;
}

test('a request that waits', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere(() => {});
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { concurrency: 1 });
  const holdsTheSlot = startAsking(hub.url);
  await withRedis(redis.url, (client) =>
    waitFor(async () => (await client.zcard(`mr:{${group}}:permits`)) === 1, {
      what: 'the slot to be taken',
    }),
  );
  const queued = () => waitForQueued(redis.url, group, REQUESTS);

  expectNear('a request that waits, without a body', await costOfRequest({ hub, group, reached: queued }));
  await waitForQueued(redis.url, group, 0);
  const body = 'x'.repeat(64 * 1024);
  expectNear(
    'a request that waits, with 64 KiB of body or more',
    await costOfRequest({ hub, group, options: { method: 'POST', body }, reached: queued }),
  );
  holdsTheSlot.disconnect();
});

test('a request that runs', async () => {
  const group = uniqueGroup();
  let running = 0;
  const upstream = await upstreamHere(() => void (running += 1));
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { concurrency: REQUESTS });
  const pulled = () => waitFor(() => running >= REQUESTS, { what: 'all to run' });
  expectNear('a request that runs, before its reply', await costOfRequest({ hub, group, reached: pulled }));
});

test('an instance, a hub', async () => {
  // A server of its own: connections of earlier tests may still be closing.
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere(() => {});
  await hubHere(url, group);
  const empty = await memoryUsed(url);
  for (let i = 0; i < 10; i += 1) await agentHere(url, group, upstream.url, { name: `agent-${i}` });
  const ten = await memoryUsed(url);
  for (let i = 0; i < 5; i += 1) await hubHere(url, group);
  const all = await memoryUsed(url);
  expectAtMost('an instance', (ten - empty) / 10);
  expectAtMost('a hub process', (all - ten) / 5);
});

test('a small request in the append-only log', async () => {
  const logging = await redisHere({ appendOnly: true });
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => void res.end('served'));
  const hub = await hubHere(logging.url, group);
  await agentHere(logging.url, group, upstream.url);
  const logged = () =>
    withRedis(logging.url, async (client) =>
      Number(/^aof_current_size:(\d+)/m.exec(await client.info('persistence'))?.[1]),
    );
  await ask(hub.url, { headers: HEADERS });
  const before = await logged();
  for (let i = 0; i < REQUESTS; i += 1) await ask(hub.url, { headers: HEADERS });
  expectNear('a small request with its reply, in the log', ((await logged()) - before) / REQUESTS);
});
