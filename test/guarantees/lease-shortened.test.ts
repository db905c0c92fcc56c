import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test('a lease that a hub shortens takes no request from an agent that is alive', async () => {
  const group = uniqueGroup();
  const upstream = await startUpstream((_req, res) => void setTimeout(() => res.end('done'), 2_500));
  // It beats every third of the lease that it knows: the default of 6 s.
  const agent = await startTestAgent(redis.url, group, upstream.url);
  const hub = await startTestHub(redis.url, group, { leaseMs: 1_000 });

  const reply = await fetch(hub.url, { method: 'POST', body: 'once' });

  expect(reply.headers.get('router-error')).toBeNull();
  expect(await reply.text()).toBe('done');
  await Promise.all([hub.close(), agent.close()]);
  await upstream.close();
});
