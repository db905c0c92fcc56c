import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, hubHere, upstreamHere, waitForQueued } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** POST: none of these may be tried twice. */
function askFive(url: string) {
  return Array.from({ length: 5 }, (_, i) => startAsking(`${url}/${i}`, { method: 'POST', body: 'x' }));
}

async function answersOf(asked: ReturnType<typeof askFive>): Promise<string[]> {
  return (await Promise.all(asked.map(({ outcome }) => outcome))).map(
    ({ status, body }) => `${status} ${body}`,
  );
}

const FIVE_ANSWERS = Array.from({ length: 5 }, () => '200 work');

test('an agent pulls nothing while its health check fails, and again when it succeeds', async () => {
  const group = uniqueGroup();
  const health = { status: 503, asked: 0 };
  const counter = countCalls((req, res) => req.resume().on('end', () => res.end('work')));
  const upstream = await upstreamHere((req, res) => {
    if (req.url !== '/health') return counter.listener(req, res);
    health.asked += 1;
    return res.writeHead(health.status).end();
  });
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url, { healthPath: '/health' });
  const asked = askFive(hub.url);
  await waitForQueued(redis.url, group, 5);
  expect(counter.calls).toEqual([]);

  health.status = 200;

  expect(await answersOf(asked)).toEqual(FIVE_ANSWERS);
  expect(counter.calls).toHaveLength(5);
  expect(health.asked).toBeGreaterThan(1);
});

test('requests wait for an upstream that is not there yet', async () => {
  const group = uniqueGroup();
  const port = await freePort();
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, `http://127.0.0.1:${port}`, { healthPath: '/health' });
  const asked = askFive(hub.url);
  await waitForQueued(redis.url, group, 5);

  const counter = countCalls((req, res) => req.resume().on('end', () => res.end('work')));
  await upstreamHere(counter.listener, port);

  expect(await answersOf(asked)).toEqual(FIVE_ANSWERS);
});
