import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, agentProcess, expectNothingLeft, hubHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';

// Promise 5: a reply that breaks after its head was sent ends as a broken connection, never as a tidy short 200.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test.each([
  ['of known length', { 'Content-Length': '1000' }],
  ['in chunks', {}],
])(
  'a reply %s whose agent is killed ends as a broken connection and is not run again',
  async (_how, head) => {
    const group = uniqueGroup();
    const counter = countCalls((_req, res) => res.writeHead(200, head).write('the first part'));
    const upstream = await upstreamHere(counter.listener);
    const hub = await hubHere(redis.url, group);
    const agent = await agentProcess(redis.url, group, upstream.url, { name: 'victim' });
    const asked = startAsking(hub.url);
    await asked.received('the first part');
    await agentHere(redis.url, group, upstream.url, { name: 'other' });

    const killedAt = performance.now();
    await agent.kill('SIGKILL');

    expect(await asked.outcome).toMatchObject({ outcome: 'broken', status: 200, body: 'the first part' });
    expect(performance.now() - killedAt).toBeLessThan(1_500 + 2_000);
    await expectNothingLeft(redis.url, group);
    expect(counter.calls).toHaveLength(1);
  },
);

test.each([
  ['of known length', { 'Content-Length': '1000' }],
  ['in chunks', {}],
])('a reply %s that the upstream breaks off ends as a broken connection', async (_how, head) => {
  const group = uniqueGroup();
  let breakOff = () => {};
  const counter = countCalls((req, res) => {
    breakOff = () => req.socket.destroy();
    res.writeHead(200, head).write('the first part');
  });
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, upstream.url);
  const asked = startAsking(hub.url);
  await asked.received('the first part');

  breakOff();

  expect(await asked.outcome).toMatchObject({ outcome: 'broken', status: 200, body: 'the first part' });
  expect(counter.calls).toHaveLength(1);
});
