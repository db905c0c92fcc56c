import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from './support/redis.ts';
import { leftovers, startTestAgent, startTestHub, startUpstream, uniqueGroup } from './support/router.ts';
import { waitFor } from './support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test('a request goes through hub, Redis and agent to the upstream and its answer comes back', async () => {
  const group = uniqueGroup();
  const upstream = await startUpstream((req, res) => {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => (bytes += chunk.length));
    req.on('end', () => res.setHeader('X-Seen', `${req.method} ${req.url}`).end(`got ${bytes}`));
  });
  const hub = await startTestHub(redis.url, group);
  const agent = await startTestAgent(redis.url, group, upstream.url);

  const response = await fetch(`${hub.url}/a%2Fb//c?x=%20`, { method: 'POST', body: 'hello' });

  expect(response.status).toBe(200);
  expect(response.headers.get('x-seen')).toBe('POST /a%2Fb//c?x=%20');
  expect(response.headers.get('router-agent')).toMatch(/^test-agent\./);
  expect(await response.text()).toBe('got 5');
  await waitFor(async () => (await leftovers(redis.url, group)).keys.length === 0, {
    what: 'the reply stream to go',
  });
  expect(await leftovers(redis.url, group)).toEqual({ keys: [], permits: 0, entries: 0 });

  await Promise.all([hub.close(), agent.close(), upstream.close()]);
});
