import { expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { waitFor } from '../support/wait.ts';

const POST = { method: 'POST', body: 'x' };

/** The error of a client that waited for nothing. */
async function told(url: string) {
  const { status, headers, body } = await ask(url, POST);
  expect(headers).toMatchObject({ 'router-executed': 'no' });
  expect(headers['retry-after']).toMatch(/^\d+$/);
  const { code, detail } = JSON.parse(body) as { code: string; detail: string };
  return { status, code, detail };
}

test('who waits for nothing is told why: the limit, a pause, an upstream that is down, no agent', async () => {
  const { url } = await redisHere();
  const queue = { waitMs: 1_500 };
  const names = ['limited', 'paused', 'down', 'empty'];
  await configure(url, {
    groups: names.map((name) => ({
      name,
      queue,
      leaseMs: 1_500,
      ...(name === 'limited' && { concurrency: 1 }),
      ...(name === 'paused' && { paused: true }),
    })),
    routes: names.map((name) => ({ name, match: { path: `/${name}` }, groups: [{ group: name }] })),
  });
  const counter = countCalls((req) => req.resume());
  const upstream = await upstreamHere(counter.listener);
  await agentHere(url, 'limited', upstream.url, { concurrency: 4 });
  await agentHere(url, 'paused', upstream.url);
  await agentHere(url, 'down', `http://127.0.0.1:${await freePort()}`, { healthPath: '/health' });
  const hub = await configuredHub(url);
  const first = startAsking(`${hub.url}/limited`, POST);
  await waitFor(() => counter.running === 1, { what: 'the first call' });
  await sleep(1_200);

  const [limited, paused, down, empty] = await Promise.all(
    ['limited', 'paused', 'down', 'empty'].map((name) => told(`${hub.url}/${name}`)),
  );

  expect(limited).toEqual({
    status: 503,
    code: 'limit-reached',
    detail: 'The group "limited" ran as many requests at once as it may (1) for 1.5 s.',
  });
  expect(paused).toEqual({ status: 503, code: 'paused', detail: 'The group "paused" is paused.' });
  expect(down).toEqual({
    status: 503,
    code: 'upstream-down',
    detail: 'No upstream of group "down" can be reached (1 down).',
  });
  expect(empty).toEqual({ status: 503, code: 'no-agent', detail: 'No agent of group "empty" is running.' });
  first.disconnect();
});
