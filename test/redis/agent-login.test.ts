import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { RedisAgentLink } from '../../router-core/redis/agent/redis-agent-link.ts';
import { Renewals } from '../../router-core/redis/agent/renewals.ts';
import { createLogger } from '../../router-core/runtime/logger.ts';
import { agentUrl, connectionsOf, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis, TestLogin } from '../support/agent-logins.ts';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls, type CallCounter } from '../support/call-counter.ts';
import { agentHere, agentProcess, expectNothingLeft, hubHere, instancesOf } from '../support/parts.ts';
import { upstreamHere, waitForInstance, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// An agent that has a token and nothing else can do all that agents do.

const LEASE_MS = 1_500;

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

/** A hub with the password of the default user, and a token for its group. */
async function startGroup(config: Partial<HubConfig> = {}) {
  const group = uniqueGroup();
  const login = newLogin(group);
  await provision(redis, [login]);
  const hub = await hubHere(redis.adminUrl, group, { leaseMs: LEASE_MS, ...config });
  return { group, login, hub };
}

async function startAgentOf(login: TestLogin, counter: CallCounter, name = 'agent') {
  const upstream = await upstreamHere(counter.listener);
  return agentHere(agentUrl(redis, login), login.group, upstream.url, { name });
}

/** Answers with the length and the hash of what it was sent, then with as much again. */
function echoSize() {
  return countCalls((req, res) => {
    const hash = createHash('sha256');
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    req.on('end', () => res.end(`${bytes} ${hash.digest('hex')} ${'x'.repeat(bytes)}`));
  });
}

const MIB = 1024 * 1024;

test.each([0, 100, 6 * MIB])('answers a request whose body and reply have %i bytes', async (bytes) => {
  const { group, login, hub } = await startGroup();
  await startAgentOf(login, echoSize());
  const body = Buffer.alloc(bytes, 'mini-router ');

  const result = await ask(hub.url, {
    method: 'POST',
    body: Readable.from(chunksOf(body), { objectMode: false }),
  });

  const sum = createHash('sha256').update(body).digest('hex');
  expect(result.body.slice(0, 100)).toBe(`${bytes} ${sum} ${'x'.repeat(bytes)}`.slice(0, 100));
  expect(result.body).toHaveLength(`${bytes} ${sum} `.length + bytes);
  await expectNothingLeft(redis.adminUrl, group);
});

function* chunksOf(body: Buffer) {
  for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536);
}

test('keeps what takes longer than its lease, within the limit of its group', async () => {
  const { group, login, hub } = await startGroup({ groupConcurrency: 1 });
  const counter = countCalls((_req, res) => setTimeout(() => res.end('done'), 1.5 * LEASE_MS));
  await startAgentOf(login, counter);

  const results = await Promise.all([ask(`${hub.url}/1`), ask(`${hub.url}/2`)]);

  expect(results.map(({ body }) => body)).toEqual(['done', 'done']);
  expect([counter.calls.length, counter.most]).toEqual([2, 1]);
  await expectNothingLeft(redis.adminUrl, group);
});

test('hears at once that a client has gone', async () => {
  const { group, login, hub } = await startGroup();
  const counter = countCalls((_req, res) => res.write('begun'));
  await startAgentOf(login, counter);
  const asked = startAsking(hub.url);
  await asked.received('begun');

  const leftAt = performance.now();
  asked.disconnect();

  await waitFor(() => counter.running === 0, { what: 'the upstream call to be stopped' });
  // Found by looking, not by the doorbell, it would take a heartbeat of half a second.
  expect((counter.endedAt.get('/') ?? Infinity) - leftAt).toBeLessThan(300);
  await expectNothingLeft(redis.adminUrl, group);
});

test('drains: what runs is finished, and the group knows at once', async () => {
  const { group, login, hub } = await startGroup();
  let finish = () => {};
  const counter = countCalls((_req, res) => (finish = () => res.end('finished')));
  const agent = await startAgentOf(login, counter);
  const running = ask(hub.url);
  await waitFor(() => counter.running === 1, { what: 'the upstream to be called' });

  const closed = agent.close();
  await waitFor(async () => (await connectionsOf(redis, login.user)).length === 2, {
    what: 'the blocking connection to be closed',
  });
  finish();
  await closed;

  expect(await running).toMatchObject({ outcome: 'answered', body: 'finished' });
  expect(await instancesOf(redis.adminUrl, group)).toEqual([]);
  const consumers = withRedis(redis.adminUrl, (client) =>
    client.xinfo('CONSUMERS', `mr:{${group}}:lane:0`, 'agents'),
  );
  expect(await consumers).toEqual([]);
  await expectNothingLeft(redis.adminUrl, group);
});

test('gives back what its upstream refuses, to another agent', async () => {
  const { login, hub } = await startGroup();
  const gone = await upstreamHere(() => {});
  // Blocked first, served first. An agent pulls once its upstream could be called.
  await agentHere(agentUrl(redis, login), login.group, gone.url, { name: 'dead-end' });
  await waitFor(async () => (await blockedPulls()) === 1, { what: 'the first agent to pull' });
  await gone.close();
  await startAgentOf(
    login,
    countCalls((_req, res) => res.end('there')),
    'other',
  );

  const result = await ask(hub.url, { method: 'POST', body: 'x' });

  expect(result).toMatchObject({ outcome: 'answered', status: 200, body: 'there' });
});

/** Agents that wait for a request. */
async function blockedPulls(): Promise<number> {
  const info = await withRedis(redis.adminUrl, (client) => client.info('clients'));
  return Number(/^blocked_clients:(\d+)/m.exec(info)?.[1]);
}

test('takes over what an agent that was killed had begun', async () => {
  const { group, login, hub } = await startGroup();
  const lost = countCalls((req) => req.resume());
  const upstream = await upstreamHere(lost.listener);
  const victim = await agentProcess(agentUrl(redis, login), group, upstream.url, {
    name: 'victim',
    waitUntilJoined: false,
  });
  await waitForInstance(redis.adminUrl, group, 'victim');
  const { outcome } = startAsking(`${hub.url}/job`);
  await waitFor(() => lost.calls.length === 1, { what: 'the upstream to be called' });
  await startAgentOf(
    login,
    countCalls((_req, res) => res.end('rescued')),
    'rescuer',
  );

  await victim.kill('SIGKILL');

  expect(await outcome).toMatchObject({ outcome: 'answered', status: 200, body: 'rescued' });
  await expectNothingLeft(redis.adminUrl, group);
});

test('the token beats the user in the URL, on all three connections', async () => {
  const { group, login } = await startGroup();
  const link = new RedisAgentLink({
    redisUrl: redis.adminUrl,
    token: login.token,
    group,
    name: 'agent',
    lanes: 'shared',
    report: () => ({
      shares: [{ record: '-', slots: 1, running: 0 }],
      report: { name: 'agent', version: '0', concurrency: 1, inFlight: 0, state: 'ready' },
    }),
    scopes: [],
    renewals: new Renewals(),
    onGrants: () => {},
    log: createLogger({ level: 'silent', name: 'test' }),
  });
  try {
    await link.join();
    const pulled = link.pull(1, () => undefined);
    await waitFor(async () => (await connectionsOf(redis, login.user)).length === 3, {
      what: 'three connections',
    });
    const names = (await connectionsOf(redis, login.user)).map((line) => / name=(\S*)/.exec(line)?.[1]);
    const purposes = ['blocking', 'commands', 'doorbells'];
    expect(new Set(names)).toEqual(new Set(purposes.map((purpose) => `mini-router:${purpose}`)));
    await link.stopPulling();
    await pulled;
  } finally {
    await link.close(100);
  }
});
