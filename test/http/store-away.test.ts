import { expect, test } from 'vitest';
import { startDataPath } from '../support/data-path.ts';
import { expectProblem, expectRetryAfter } from '../support/problem.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const GET = rawRequest(['GET / HTTP/1.1', 'Host: h']);

test('while Redis is away requests are refused at once with store-unavailable, and served when it is back', async () => {
  const redis = await startRedis();
  const path = await startDataPath(redis, (_req, res) => res.end('served'));
  expect((await sendRaw(path.port, GET)).body.toString()).toBe('served');

  await redis.kill('SIGTERM');
  await waitFor(async () => (await fetch(`${path.hub.url}/_router/ready`)).status === 503, {
    what: 'the hub to notice',
  });
  for (const request of [GET, rawRequest(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 5'], 'hello')]) {
    const startedAt = performance.now();
    const reply = await sendRaw(path.port, request);
    expectProblem(reply, 503, 'store-unavailable', 'no');
    expectRetryAfter(reply);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
  expect((await fetch(`${path.hub.url}/_router/live`)).status).toBe(200);

  await redis.restart();
  await waitFor(async () => (await sendRaw(path.port, GET)).body.toString() === 'served', {
    what: 'requests to be served again',
  });
  await path.close();
  await redis.stop();
});
