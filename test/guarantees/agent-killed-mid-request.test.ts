import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking, type AskOptions } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, agentProcess, expectNothingLeft, hubHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { waitFor } from '../support/wait.ts';

// Promises 3 and 4: what runs again after its agent was lost, and what never does.

const LEASE_MS = 1_500;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Sends one request to an agent that is killed while the upstream works on it; another agent is there to go on. */
async function loseAgentDuring(asked: AskOptions, config: Partial<HubConfig> = {}) {
  const group = uniqueGroup();
  const lost = countCalls((req) => req.resume());
  const rescue = countCalls((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => res.end(`rescued ${Buffer.concat(chunks).toString()}`));
  });
  const [lostUpstream, rescueUpstream] = [
    await upstreamHere(lost.listener),
    await upstreamHere(rescue.listener),
  ];
  const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, ...config });
  const victim = await agentProcess(redis.url, group, lostUpstream.url, { name: 'victim' });
  const { outcome } = startAsking(`${hub.url}/job`, asked);
  await waitFor(() => lost.calls.length === 1, { what: 'the upstream to be called' });
  await agentHere(redis.url, group, rescueUpstream.url, { name: 'rescuer' });

  const killedAt = performance.now();
  await victim.kill('SIGKILL');
  const result = await outcome;
  return { group, lost, rescue, result, afterMs: performance.now() - killedAt };
}

test.each(['GET', 'PUT', 'DELETE'])(
  'a %s is run by another agent within the lease and two seconds',
  async (method) => {
    const body = method === 'PUT' ? 'the body' : '';
    const { lost, rescue, result, afterMs } = await loseAgentDuring(body ? { method, body } : { method });

    expect(result).toMatchObject({ outcome: 'answered', status: 200, body: `rescued ${body}` });
    expect(result.headers['router-agent']).toMatch(/^rescuer\./);
    expect(afterMs).toBeLessThan(LEASE_MS + 2_000);
    expect([lost.calls, rescue.calls]).toEqual([['/job'], ['/job']]);
  },
);

test('a POST gets 502 agent-lost and has been executed once', async () => {
  const { group, lost, rescue, result, afterMs } = await loseAgentDuring({ method: 'POST', body: 'order' });

  expect(result).toMatchObject({ outcome: 'answered', status: 502 });
  expect(result.headers).toMatchObject({ 'router-error': 'agent-lost', 'router-executed': 'maybe' });
  expect(afterMs).toBeLessThan(LEASE_MS + 2_000);
  // With nothing left in Redis nothing can run any more.
  await expectNothingLeft(redis.url, group);
  expect([lost.calls, rescue.calls]).toEqual([['/job'], []]);
});

test('a POST with an Idempotency-Key is run again, with its body', async () => {
  const headers = { 'Idempotency-Key': '"8e03978e"' };
  const { result } = await loseAgentDuring({ method: 'POST', body: 'order', headers });
  expect(result).toMatchObject({ outcome: 'answered', status: 200, body: 'rescued order' });
});

test('an Idempotency-Key that Connection keeps from the upstream makes nothing repeatable', async () => {
  const headers = { 'Idempotency-Key': '"8e03978e"', Connection: 'keep-alive, Idempotency-Key' };
  const { rescue, result } = await loseAgentDuring({ method: 'POST', body: 'order', headers });
  expect(result).toMatchObject({ status: 502, headers: { 'router-error': 'agent-lost' } });
  expect(rescue.calls).toEqual([]);
});

test('a POST is run again where the group says that this is fine', async () => {
  const { result } = await loseAgentDuring({ method: 'POST', body: 'order' }, { retryUnsafe: true });
  expect(result).toMatchObject({ outcome: 'answered', status: 200, body: 'rescued order' });
});

test('a GET is run again where requests do not wait, if a slot is free', async () => {
  const { result } = await loseAgentDuring({}, { queueWaitMs: 0 });
  expect(result).toMatchObject({ outcome: 'answered', status: 200, body: 'rescued ' });
});

test('a GET is not run again when one attempt is all there is', async () => {
  const { rescue, result } = await loseAgentDuring({}, { attempts: 1 });
  expect(result).toMatchObject({ outcome: 'answered', status: 502 });
  expect(result.headers['router-error']).toMatch(/^(agent-lost|attempts-exhausted)$/);
  expect(rescue.calls).toEqual([]);
});

test('a GET that loses every agent gets 502 attempts-exhausted and leaves nothing', async () => {
  const group = uniqueGroup();
  const counter = countCalls(() => {});
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS });
  const first = await agentProcess(redis.url, group, upstream.url, { name: 'first' });
  const { outcome } = startAsking(`${hub.url}/poison`);
  await waitFor(() => counter.calls.length === 1, { what: 'the first attempt' });
  const second = await agentProcess(redis.url, group, upstream.url, { name: 'second' });
  await first.kill('SIGKILL');
  await waitFor(() => counter.calls.length === 2, { what: 'the second attempt' });
  await agentHere(redis.url, group, upstream.url, { name: 'third' });
  await second.kill('SIGKILL');

  const result = await outcome;
  expect(result).toMatchObject({ outcome: 'answered', status: 502 });
  expect(result.headers).toMatchObject({ 'router-error': 'attempts-exhausted', 'router-executed': 'maybe' });
  await expectNothingLeft(redis.url, group);
  expect(counter.calls).toHaveLength(2);
});

test.each([300, 0])(
  'a GET that has lost its agent and finds no other within %d ms says that it may have run',
  async (queueWaitMs) => {
    const group = uniqueGroup();
    const counter = countCalls(() => {});
    const upstream = await upstreamHere(counter.listener);
    const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS, queueWaitMs });
    const only = await agentProcess(redis.url, group, upstream.url, { name: 'only' });
    const { outcome } = startAsking(`${hub.url}/job`);
    await waitFor(() => counter.calls.length === 1, { what: 'the upstream to be called' });
    await only.kill('SIGKILL');

    const result = await outcome;
    expect(result).toMatchObject({ outcome: 'answered', status: 503 });
    expect(result.headers['router-error']).toMatch(/^(no-agent|queue-timeout)$/);
    expect(result.headers['router-executed']).toBe('maybe');
  },
);
