import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';

// Promise 8: limits hold across all hubs and agents.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** An upstream whose calls take a while, each a different one. */
function startWorking() {
  return countCalls((req, res) => {
    const ms = 5 + (Number(req.url?.slice(1)) % 7) * 3;
    void delay(ms).then(() => res.end(req.url));
  });
}

test('a group limit of 4 never sees 5 at the upstream, and reaches 4, over two hubs and three agents', async () => {
  const group = uniqueGroup();
  const counter = startWorking();
  const upstream = await upstreamHere(counter.listener);
  const hubs = [
    await hubHere(redis.url, group, { groupConcurrency: 4 }),
    await hubHere(redis.url, group, { groupConcurrency: 4 }),
  ];
  for (const name of ['a', 'b', 'c']) {
    await agentHere(redis.url, group, upstream.url, { name, concurrency: 4 });
  }

  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, i) => ask(`${hubs[i % 2]?.url}/${i}`, { method: 'POST', body: 'x' })),
  );

  expect(outcomes.map(({ status, body }) => `${status} ${body}`)).toEqual(
    outcomes.map((_, i) => `200 /${i}`),
  );
  expect(counter.most).toBe(4);
  expect(counter.calls).toHaveLength(100);
  await expectNothingLeft(redis.url, group);
});

test('the group limit holds while clients disconnect', async () => {
  const group = uniqueGroup();
  const running = new Set<string>();
  let most = 0;
  const upstream = await upstreamHere((req, res) => {
    const path = req.url ?? '';
    running.add(path);
    res.on('close', () => running.delete(path));
    // A call that was stopped just before is seen to end a moment after the next one is seen to begin.
    const together = [...running];
    void delay(10).then(() => (most = Math.max(most, together.filter((each) => running.has(each)).length)));
    void delay(40).then(() => res.end());
  });
  const hub = await hubHere(redis.url, group, { groupConcurrency: 3 });
  for (const name of ['a', 'b']) await agentHere(redis.url, group, upstream.url, { name, concurrency: 4 });

  const leaving = Array.from({ length: 60 }, (_, i) =>
    ask(`${hub.url}/leaving/${i}`, { timeoutMs: 10 + i * 4 }),
  );
  const staying = Array.from({ length: 30 }, (_, i) => ask(`${hub.url}/staying/${i}`));
  await Promise.all(leaving);

  expect((await Promise.all(staying)).filter(({ status }) => status !== 200)).toEqual([]);
  expect(most).toBe(3);
});

test('an agent never calls its upstream more often at once than its concurrency', async () => {
  const group = uniqueGroup();
  const counters = [startWorking(), startWorking()];
  const hub = await hubHere(redis.url, group);
  for (const counter of counters) {
    const upstream = await upstreamHere(counter.listener);
    await agentHere(redis.url, group, upstream.url, { concurrency: 2 });
  }

  const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(`${hub.url}/${i}`)));

  expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
  expect(counters.map(({ most }) => most)).toEqual([2, 2]);
});
