import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking, type Asked } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Promise 7: a client that disconnects stops the upstream call, in every phase.

/** Promised are 100 ms; the rest is for a machine that is busy with other things. */
const SOON_MS = 300;
const LEASE_MS = 1_500;
const HEARTBEAT_MS = LEASE_MS / 3;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function startRouter() {
  const group = uniqueGroup();
  const seen = { uploaded: 0 };
  const counter = countCalls((req, res) => {
    req.on('data', (chunk: Buffer) => (seen.uploaded += chunk.length));
    if (req.url === '/download') {
      const timer = setInterval(() => res.write('more '), 10);
      res.on('close', () => clearInterval(timer));
    }
  });
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS });
  await agentHere(redis.url, group, upstream.url);
  return { counter, hub, seen };
}

type Router = Awaited<ReturnType<typeof startRouter>>;

/** Brings a request into a phase. */
const PHASES: Record<string, (router: Router) => Promise<Asked>> = {
  'before the head': async ({ hub, counter }) => {
    const asked = startAsking(`${hub.url}/silent`);
    await waitFor(() => counter.calls.length === 1, { what: 'the upstream to be called' });
    return asked;
  },
  'within the reply': async ({ hub }) => {
    const asked = startAsking(`${hub.url}/download`);
    await asked.received('more more more');
    return asked;
  },
  'within the upload': async ({ hub, seen }) => {
    const body = new Readable({ read: () => {} });
    body.push(Buffer.alloc(200_000));
    const asked = startAsking(`${hub.url}/upload`, { method: 'POST', body });
    await waitFor(() => seen.uploaded === 200_000, { what: 'the upload to flow' });
    return asked;
  },
};

async function stopsWithin(router: Router, asked: Asked, limitMs: number): Promise<void> {
  const leftAt = performance.now();
  asked.disconnect();
  await waitFor(() => router.counter.running === 0, { what: 'the upstream call to be stopped' });
  const [endedAt = Infinity] = router.counter.endedAt.values();
  expect(endedAt - leftAt).toBeLessThan(limitMs);
}

test.each(Object.keys(PHASES))('a client that leaves %s stops the upstream at once', async (phase) => {
  const router = await startRouter();
  const asked = await PHASES[phase]?.(router);
  if (asked) await stopsWithin(router, asked, SOON_MS);
  expect(router.counter.calls).toHaveLength(1);
});

test.each(Object.keys(PHASES))(
  'a client that leaves %s while no doorbell gets through stops the upstream within a heartbeat',
  async (phase) => {
    const router = await startRouter();
    const asked = await PHASES[phase]?.(router);
    await withRedis(redis.url, async (client) => {
      // Subscribers come back by themselves: they are cut until the call has stopped.
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const timer = setInterval(() => void client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 5);
      try {
        if (asked) await stopsWithin(router, asked, HEARTBEAT_MS + SOON_MS);
      } finally {
        clearInterval(timer);
      }
    });
    expect(router.counter.calls).toHaveLength(1);
  },
);
