import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { expectProblem } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const GET = rawRequest(['GET / HTTP/1.1', 'Host: h']);

async function withPath(
  hub: Partial<HubConfig>,
  listener: RequestListener,
  body: (path: DataPath) => Promise<void>,
): Promise<void> {
  const path = await startDataPath(redis, listener, { hub });
  try {
    await body(path);
  } finally {
    await path.close();
  }
}

test.each(['GET', 'POST'])(
  'no head within the time for it: %s gets 504 and its upstream call ends',
  async (method) => {
    let closed = 0;
    const listener: RequestListener = (_req, res) => void res.on('close', () => (closed += 1));
    await withPath({ firstByteTimeoutMs: 300 }, listener, async ({ port }) => {
      const startedAt = performance.now();
      const reply = await sendRaw(port, rawRequest([`${method} / HTTP/1.1`, 'Host: h', 'Content-Length: 0']));
      expectProblem(reply, 504, 'deadline', 'maybe');
      expect(performance.now() - startedAt).toBeGreaterThan(290);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      await waitFor(() => closed === 1, { what: 'the upstream call to end', timeoutMs: 2_000 });
    });
  },
);

test('a body that pauses for too long breaks the connection, and its upstream call ends', async () => {
  let closed = false;
  const listener: RequestListener = (_req, res) => {
    res.on('close', () => (closed = true));
    res.write('half');
  };
  await withPath({ idleTimeoutMs: 300 }, listener, async ({ port }) => {
    const client = await openRaw(port);
    client.write(GET);
    await client.ended;
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 [^]*half/);
    await expect(client.reply()).rejects.toThrow(/broke/);
    await waitFor(() => closed, { what: 'the upstream call to end', timeoutMs: 2_000 });
  });
});

test('a body that keeps moving may take longer than the pause it may make', async () => {
  const listener: RequestListener = (_req, res) => {
    let left = 8;
    const timer = setInterval(() => {
      if (left-- > 0) {
        res.write('x');
        return;
      }
      clearInterval(timer);
      res.end();
    }, 100);
  };
  await withPath({ idleTimeoutMs: 400 }, listener, async ({ port }) => {
    expect((await sendRaw(port, GET)).body.toString()).toBe('xxxxxxxx');
  });
});

test('a head that comes early does not make its body due: until its first byte the time for the head goes on', async () => {
  let bodyMs = 1_000;
  const listener: RequestListener = (_req, res) => {
    res.flushHeaders();
    setTimeout(() => res.end('thought about it'), bodyMs);
  };
  await withPath({ idleTimeoutMs: 200, firstByteTimeoutMs: 1_500 }, listener, async ({ port }) => {
    expect((await sendRaw(port, GET)).body.toString()).toBe('thought about it');

    bodyMs = 20_000;
    const startedAt = performance.now();
    const client = await openRaw(port);
    client.write(GET);
    await client.ended;
    expect(performance.now() - startedAt).toBeGreaterThan(1_400);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 /);
    await expect(client.reply()).rejects.toThrow(/broke/);
  });
});

test('after a large upload the head has its own time, longer than a pause within a body', async () => {
  const listener: RequestListener = (req, res) => {
    req.resume().on('end', () => setTimeout(() => res.end('thought about it'), 1_000));
  };
  await withPath({ idleTimeoutMs: 300, firstByteTimeoutMs: 10_000 }, listener, async ({ port }) => {
    const head = rawRequest(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 500000']);
    const reply = await sendRaw(port, head + 'x'.repeat(500_000));
    expect(reply.body.toString()).toBe('thought about it');
  });
});

test('a request body that stops arriving ends the request', async () => {
  let closed = false;
  const listener: RequestListener = (req) =>
    void req
      .resume()
      .on('close', () => (closed = true))
      .on('error', () => undefined);
  await withPath({ idleTimeoutMs: 300, firstByteTimeoutMs: 300 }, listener, async ({ port }) => {
    const head = rawRequest(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 500000']);
    const reply = await sendRaw(port, head + 'x'.repeat(200_000));
    expect([408, 504]).toContain(reply.status);
    await waitFor(() => closed, { what: 'the upstream call to end', timeoutMs: 2_000 });
  });
});

test.each([
  ['a small body', 'Content-Length: 100'],
  ['a chunked body', 'Transfer-Encoding: chunked'],
  ['a large body', 'Content-Length: 1000000'],
])('every request has its outcome at its deadline, even when %s never comes', async (_what, framing) => {
  const listener: RequestListener = (req) => void req.resume().on('error', () => undefined);
  await withPath({ totalTimeoutMs: 400 }, listener, async ({ port }) => {
    const client = await openRaw(port);
    client.write(
      rawRequest(['POST / HTTP/1.1', 'Host: h', framing], framing.startsWith('T') ? '5\r\nhel' : 'hel'),
    );
    const outcome = await Promise.race([client.reply(), tooLate(3_000)]);
    expect([408, 504]).toContain(outcome === 'no outcome' ? outcome : outcome.status);
    client.close();
  });
});

test('a stream that never ends is cut at the deadline of the request', async () => {
  const listener: RequestListener = (_req, res) => {
    const timer = setInterval(() => res.write('tick '), 50);
    res.on('close', () => clearInterval(timer));
  };
  await withPath({ totalTimeoutMs: 600 }, listener, async ({ port }) => {
    const startedAt = performance.now();
    const client = await openRaw(port);
    client.write(GET);
    await client.ended;
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await expect(client.reply()).rejects.toThrow(/broke/);
  });
});

function tooLate(ms: number): Promise<'no outcome'> {
  return new Promise((resolve) => setTimeout(() => resolve('no outcome'), ms));
}
