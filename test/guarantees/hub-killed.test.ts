import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubHere, hubProcess, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** The default lease: what a lost hub may cost an upstream at most. */
const WITHIN_MS = 6_000;

test('a hub that is killed: its upstream calls stop, its keys go, the other hub goes on', async () => {
  const group = uniqueGroup();
  const counter = countCalls((req, res) => {
    if (req.url === '/quick') res.end('quick');
    if (req.url !== '/stream') return;
    const timer = setInterval(() => res.write('more '), 10);
    res.on('close', () => clearInterval(timer));
  });
  const upstream = await upstreamHere(counter.listener);
  const other = await hubHere(redis.url, group);
  const victim = await hubProcess(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  const stream = startAsking(`${victim.url}/stream`);
  const silent = startAsking(`${victim.url}/silent`, { method: 'POST', body: 'x' });
  const otherStream = startAsking(`${other.url}/stream`);
  await Promise.all([stream.received('more'), otherStream.received('more')]);
  await waitFor(() => counter.running === 3, { what: 'all calls to be under way' });

  const killedAt = performance.now();
  await victim.kill('SIGKILL');
  expect(await stream.outcome).toMatchObject({ outcome: 'broken', status: 200 });
  expect(await silent.outcome).toMatchObject({ outcome: 'broken', status: 0 });
  expect(await ask(`${other.url}/quick`)).toMatchObject({ status: 200, body: 'quick' });

  await waitFor(() => counter.running === 1, { what: 'the calls of the lost hub to stop' });
  expect(performance.now() - killedAt).toBeLessThan(WITHIN_MS);
  expect(await Promise.race([otherStream.outcome, Promise.resolve('still flows')])).toBe('still flows');
  otherStream.disconnect();
  await expectNothingLeft(redis.url, group, 15_000);
});
