import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { busyPath } from '../support/busy-path.ts';
import { expectProblem, expectRetryAfter } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw, valuesOf, type RawReply } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestHub, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const GET = rawRequest(['GET / HTTP/1.1', 'Host: h']);
const startBusyPath = (config: Partial<HubConfig>) => busyPath(redis, config);

test('a hub with as many requests in flight as it may have refuses the next: hub-full', async () => {
  const busy = await startBusyPath({ maxInFlight: 1 });
  const refused = await sendRaw(busy.port, GET);
  expectProblem(refused, 503, 'hub-full');
  expectRetryAfter(refused);
  busy.held[0]?.end('done');
  expect((await busy.first.reply()).body.toString()).toBe('done');
  const next = await openRaw(busy.port);
  next.write(GET);
  const res = await waitFor(() => busy.held[1], { what: 'the next request at the upstream' });
  res.end('next');
  expect((await next.reply()).body.toString()).toBe('next');
  next.close();
  await busy.close();
});

test('a group that does not wait refuses when no slot is free, and serves when one is', async () => {
  const busy = await startBusyPath({ queueWaitMs: 0 });
  const refused = await sendRaw(busy.port, GET);
  expect(refused.status).toBe(503);
  expectProblem(refused, 503, 'queue-full');
  expectRetryAfter(refused);
  busy.held[0]?.end('done');
  await busy.first.reply();
  await waitFor(async () => busy.held.length > 1 || (await probe(busy.port)), {
    what: 'the slot to be free again',
  });
  await busy.close();
});

/** True when a request gets past the hub: then the upstream holds it. */
async function probe(port: number): Promise<boolean> {
  const client = await openRaw(port);
  client.write(GET);
  const refused = await Promise.race([
    client.reply().then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), 200)),
  ]).catch(() => false);
  client.close();
  return !refused;
}

test('a line that is full takes no more: queue-full', async () => {
  const busy = await startBusyPath({ queueDepth: 2 });
  const waiting = [await busy.wait(), await busy.wait()];
  const refused = await sendRaw(busy.port, GET);
  expectProblem(refused, 503, 'queue-full');
  expectRetryAfter(refused);
  for (const [i, client] of [busy.first, ...waiting].entries()) {
    const res = await waitFor(() => busy.held[i], { what: `request ${i} at the upstream` });
    res.end(`answer ${i}`);
    expect((await client.reply()).body.toString()).toBe(`answer ${i}`);
  }
  await busy.close();
});

test('who finds a line full that was filled in this moment is told how long it takes to be served', async () => {
  const busy = await startBusyPath({ queueDepth: 20 });
  busy.held[0]?.end('the only answer lately: at most 0.2 a second');
  await busy.first.reply();
  const refusals: RawReply[] = [];
  const burst = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const client = await openRaw(busy.port);
      client.write(GET);
      client.reply().then(
        (reply) => void refusals.push(reply),
        () => undefined,
      );
      return client;
    }),
  );
  // Nine, or ten when the first of them came before its slot was free.
  await waitFor(() => refusals.length >= 9, { what: 'what does not fit to be refused' });
  for (const refused of refusals) {
    expectProblem(refused, 503, 'queue-full');
    expect(valuesOf(refused.headers, 'retry-after')).toEqual(['60']);
  }
  for (const client of burst) client.close();
  await busy.close();
});

test('who waits too long for a slot is refused: queue-timeout, and never reaches the upstream', async () => {
  const busy = await startBusyPath({ queueWaitMs: 300 });
  const startedAt = performance.now();
  const refused = await sendRaw(busy.port, GET);
  expectProblem(refused, 503, 'queue-timeout');
  expectRetryAfter(refused);
  expect(performance.now() - startedAt).toBeGreaterThan(290);
  busy.held[0]?.end('done');
  await busy.first.reply();
  expect(busy.held).toHaveLength(1);
  await busy.close();
});

test('without a live agent the reason is no-agent, whether a group waits or not', async () => {
  for (const queueWaitMs of [0, 300]) {
    const hub = await startTestHub(redis.url, uniqueGroup(), { queueWaitMs });
    const refused = await sendRaw(hub.port, GET);
    expectProblem(refused, 503, 'no-agent');
    expectRetryAfter(refused);
    await hub.close();
  }
});
