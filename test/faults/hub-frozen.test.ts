import { afterAll, beforeAll, expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubProcess, upstreamHere, waitForQueued } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const POST = { method: 'POST', body: 'order' };

/** Answers what its path says is quick, and what comes for the second time. */
function slowAtFirst() {
  const counter = countCalls((req, res) => {
    const isSecond = counter.calls.filter((path) => path === req.url).length > 1;
    req.resume();
    if (isSecond) res.end('again');
    else if (req.url === '/streaming') res.write('half');
  });
  return counter;
}

test('a hub stands still for longer than it is taken for alive: what may run again does, the rest ends at once', async () => {
  const group = uniqueGroup();
  const counter = slowAtFirst();
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubProcess(redis.url, group, ['--queue-wait', '60s']);
  await agentHere(redis.url, group, upstream.url, { concurrency: 4 });
  const get = startAsking(`${hub.url}/get`);
  const put = startAsking(`${hub.url}/put`, { method: 'PUT', body: 'x'.repeat(30_000) });
  const post = startAsking(`${hub.url}/post`, POST);
  const streaming = startAsking(`${hub.url}/streaming`);
  await waitFor(() => counter.running === 4, { what: 'four calls' });
  await streaming.received('half');
  const waiting = startAsking(`${hub.url}/waiting`, POST);
  await waitForQueued(redis.url, group, 1);

  await hub.kill('SIGSTOP');
  await waitFor(() => counter.running === 0, { what: 'the calls of nobody to end' });
  await sleep(500);
  await hub.kill('SIGCONT');
  const wokenAt = performance.now();
  const [got, stored, ordered, streamed, waited] = await Promise.all(
    [get, put, post, streaming, waiting].map(({ outcome }) => outcome),
  );

  expect([got?.body, stored?.body]).toEqual(['again', 'again']);
  expect(ordered?.status).toBe(502);
  expect(ordered?.headers).toMatchObject({ 'router-error': 'agent-lost', 'router-executed': 'maybe' });
  expect(streamed).toMatchObject({ outcome: 'broken', status: 200, body: 'half' });
  expect(waited?.status).toBe(503);
  expect(performance.now() - wokenAt).toBeLessThan(6_000);
  expect(counter.calls.toSorted()).toEqual(['/get', '/get', '/post', '/put', '/put', '/streaming']);
  await expectNothingLeft(redis.url, group);
});
