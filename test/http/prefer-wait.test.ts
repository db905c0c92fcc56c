import { afterAll, beforeAll, expect, test } from 'vitest';
import { busyPath } from '../support/busy-path.ts';
import { expectProblem, expectRetryAfter } from '../support/problem.ts';
import { rawRequest, sendRaw, valuesOf, type RawReply } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

// RFC 7240: how long a client wants to wait, which may be shorter than its group would let it.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const preferring = (preference: string) => rawRequest(['GET / HTTP/1.1', 'Host: h', `Prefer: ${preference}`]);

const applied = (reply: RawReply) => valuesOf(reply.headers, 'preference-applied');

test('wait=0 is refused when no slot is free, and served when one is', async () => {
  const busy = await busyPath(redis);
  const refused = await sendRaw(busy.port, preferring('wait=0'));
  expectProblem(refused, 503, 'queue-full');
  expectRetryAfter(refused);
  expect(applied(refused)).toEqual(['wait=0']);

  busy.held[0]?.end('done');
  await busy.first.reply();
  // Settled a moment after its reply has gone out: until then the slot is not free.
  const served = await waitFor(
    async () => {
      const asked = sendRaw(busy.port, preferring('wait=0'));
      const isHeld = waitFor(() => busy.held[1], { what: 'the request at the upstream', timeoutMs: 1_000 });
      void isHeld.then((res) => res.end('served')).catch(() => undefined);
      const reply = await asked;
      return reply.status === 200 && reply;
    },
    { what: 'a free slot to be given' },
  );
  expect(served.body.toString()).toBe('served');
  expect(applied(served)).toEqual(['wait=0']);
  await busy.close();
});

test('who wants to wait for a second is refused after a second, though the group would let it wait for long', async () => {
  const busy = await busyPath(redis, { queueWaitMs: 600_000 });
  const startedAt = performance.now();
  const refused = await sendRaw(busy.port, preferring('respond-async, wait=1; a=b'));
  expect(performance.now() - startedAt).toBeGreaterThan(990);
  expectProblem(refused, 503, 'queue-timeout');
  expect(applied(refused)).toEqual(['wait=1']);
  await busy.close();
});

test('who wants to wait for longer than its group lets it does not, and is not told so', async () => {
  const busy = await busyPath(redis, { queueWaitMs: 300 });
  for (const preference of ['wait=1', 'wait=100', 'wait=soon']) {
    const refused = await sendRaw(busy.port, preferring(preference));
    expectProblem(refused, 503, 'queue-timeout');
    expect(applied(refused)).toEqual([]);
  }
  await busy.close();
});

test('the answer of who has waited for less than it would have says so, and the upstream sees the preference', async () => {
  const busy = await busyPath(redis, { queueWaitMs: 60_000 });
  const client = await busy.wait(['Prefer: wait=20']);
  busy.held[0]?.end('first');
  const res = await waitFor(() => busy.held[1], { what: 'the next request at the upstream' });
  expect(res.req.headers['prefer']).toBe('wait=20');
  res.end('second');
  const reply = await client.reply();
  expect(reply.body.toString()).toBe('second');
  expect(applied(reply)).toEqual(['wait=20']);
  await busy.close();
});
