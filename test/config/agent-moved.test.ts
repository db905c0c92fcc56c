import { expect, test } from 'vitest';
import { agentRecords, reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { agentHere, expectNothingLeft, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A record that gets another group or other scopes takes its running agents with it.

/** Two groups at `/old` and `/new`. Each path that holds `hold` is answered when released. */
async function start() {
  const redis = await redisHere();
  const [old, next] = [uniqueGroup(), uniqueGroup()];
  await configure(redis.url, {
    groups: [old, next].map((name) => ({ name, leaseMs: 1_500 })),
    routes: [
      { name: 'old', match: { path: '/old/*' }, groups: [{ group: old }] },
      { name: 'next', match: { path: '/next/*' }, groups: [{ group: next }] },
    ],
  });
  const held: (() => void)[] = [];
  const counter = countCalls((req, res) => {
    if (req.url?.includes('hold')) held.push(() => res.end('released'));
    else res.end('served');
  });
  const upstream = await upstreamHere(counter.listener);
  const hub = await configuredHub(redis.url);
  const startAgent = (token: string, name: string) =>
    agentHere(redis.url, 'not-its-group', upstream.url, { token, name, concurrency: 4, drainMs: 20_000 });
  const release = () => held.splice(0).forEach((each) => each());
  return { redis, old, next, records: agentRecords(redis.url), counter, hub, startAgent, release };
}

test('a record that is moved to another group: what runs finishes, then its agents serve the other group', async () => {
  const { redis, old, next, records, counter, hub, startAgent, release } = await start();
  const token = await records.set('mover', { group: old });
  await startAgent(token, 'mover');
  await startAgent(await records.set('stayer', { group: old }), 'stayer');
  // Not to be repeated: a POST that is lost on its way gets an error.
  const asked = Array.from({ length: 8 }, (_, i) => ask(`${hub.url}/old/hold/${i}`, { method: 'POST' }));
  await waitFor(() => counter.running === 8, { what: 'all slots to be used' });

  await records.set('mover', { group: next });
  const waiting = [ask(`${hub.url}/next/1`), ask(`${hub.url}/old/1`)];
  await waitFor(async () => (await reportsOf(redis.url, old)).get('mover')?.state === 'draining', {
    timeoutMs: 2_500,
    what: 'the agent to leave its old group',
  });
  release();

  expect((await Promise.all(asked)).map(({ status, body }) => `${status} ${body}`)).toEqual(
    asked.map(() => '200 released'),
  );
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['served', 'served']);
  expect([...(await reportsOf(redis.url, next)).keys()]).toEqual(['mover']);
  expect([...(await reportsOf(redis.url, old)).keys()]).toEqual(['stayer']);
  expect(counter.calls).toHaveLength(10);
  for (const group of [old, next]) await expectNothingLeft(redis.url, group);
});

test('a record that is moved and moved back, twice, loses nothing', async () => {
  const { old, next, records, hub, startAgent } = await start();
  await startAgent(await records.set('mover', { group: old }), 'mover');

  for (const [group, path] of [
    [next, '/next/1'],
    [old, '/old/1'],
    [next, '/next/2'],
  ] as const) {
    await records.set('mover', { group });
    expect(await ask(`${hub.url}${path}`)).toMatchObject({ status: 200, body: 'served' });
  }
});
