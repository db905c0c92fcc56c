import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';

// Promise 1: exactly one outcome per client request, at the latest at its deadline.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A machine with other work to do may be late. */
const LATE_MS = 700;

describe('a request whose upstream', () => {
  test('never answers gets 504 when the time for the first byte is over', async () => {
    const group = uniqueGroup();
    const upstream = await upstreamHere(() => {});
    const hub = await hubHere(redis.url, group, { firstByteTimeoutMs: 500 });
    await agentHere(redis.url, group, upstream.url);

    const outcome = await ask(hub.url);

    expect(outcome).toMatchObject({ outcome: 'answered', status: 504 });
    expect(outcome.headers['router-error']).toBe('deadline');
    expect(outcome.headers['router-executed']).toBe('maybe');
    expect(outcome.elapsedMs).toBeGreaterThan(480);
    expect(outcome.elapsedMs).toBeLessThan(500 + LATE_MS);
  });

  test('stalls within its body is cut when the pause is too long', async () => {
    const group = uniqueGroup();
    const upstream = await upstreamHere((_req, res) => res.write('begun'));
    const hub = await hubHere(redis.url, group, { idleTimeoutMs: 500 });
    await agentHere(redis.url, group, upstream.url);

    const outcome = await ask(hub.url);

    expect(outcome).toMatchObject({ outcome: 'broken', status: 200, body: 'begun' });
    expect(outcome.elapsedMs).toBeLessThan(500 + LATE_MS);
  });

  test('trickles for ever is cut at the total deadline', async () => {
    const group = uniqueGroup();
    const upstream = await upstreamHere((_req, res) => {
      const timer = setInterval(() => res.write('.'), 20);
      res.on('close', () => clearInterval(timer));
    });
    const hub = await hubHere(redis.url, group, { totalTimeoutMs: 800 });
    await agentHere(redis.url, group, upstream.url);

    const outcome = await ask(hub.url);

    expect(outcome).toMatchObject({ outcome: 'broken', status: 200 });
    expect(outcome.elapsedMs).toBeGreaterThan(780);
    expect(outcome.elapsedMs).toBeLessThan(800 + LATE_MS);
  });
});

test('a request that nobody pulls gets 503 when it has waited long enough', async () => {
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { queueWaitMs: 500 });

  const outcome = await ask(hub.url, { method: 'POST', body: 'x' });

  expect(outcome).toMatchObject({ outcome: 'answered', status: 503 });
  expect(outcome.headers['router-error']).toMatch(/^(queue-timeout|no-agent)$/);
  expect(outcome.headers['router-executed']).toBe('no');
  expect(Number(outcome.headers['retry-after'])).toBeGreaterThan(0);
  expect(outcome.elapsedMs).toBeLessThan(500 + LATE_MS);
});

test('a request whose client stops sending its body ends at the total deadline', async () => {
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { totalTimeoutMs: 600 });
  const body = new Readable({ read: () => {} });
  body.push('three');

  const outcome = await ask(hub.url, {
    method: 'POST',
    body,
    headers: { 'Content-Length': '10' },
    timeoutMs: 5_000,
  });

  expect(outcome.outcome).not.toBe('hung');
  expect(outcome.elapsedMs).toBeLessThan(600 + LATE_MS);
});

test('the deadline holds while Redis does not answer', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere(() => {});
  const hub = await hubHere(redis.url, group, { firstByteTimeoutMs: 1_000, totalTimeoutMs: 1_000 });
  await agentHere(redis.url, group, upstream.url);
  expect((await ask(hub.url)).status).toBe(504);

  const asked = ask(hub.url);
  await redis.kill('SIGSTOP');
  try {
    const outcome = await asked;
    expect(outcome.outcome).toBe('answered');
    expect([503, 504]).toContain(outcome.status);
    expect(outcome.elapsedMs).toBeLessThan(1_000 + LATE_MS);
  } finally {
    await redis.kill('SIGCONT');
  }
});
