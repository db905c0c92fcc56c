import { expect, onTestFinished, test } from 'vitest';
import type { AgentLogin } from '../../router-core/redis/control/logins/agent-acl.ts';
import { AgentLogins } from '../../router-core/redis/control/logins/agent-logins.ts';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { createLogger } from '../../router-core/runtime/logger.ts';
import { agentUrl, connectionsOf, guardedRedisHere, newLogin } from '../support/agent-logins.ts';
import type { GuardedRedis, TestLogin } from '../support/agent-logins.ts';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A token that is not wanted any more ends within two seconds; one that is wanted survives Redis.

const LEASE_MS = 1_500;
const log = createLogger({ level: 'silent', name: 'test' });

/** Keeps these logins in Redis, as router-api does. */
function keepLogins(redis: GuardedRedis, wanted: AgentLogin[]): AgentLogins {
  const store = openStore({ url: redis.adminUrl, log });
  onTestFinished(() => store.close());
  return new AgentLogins({ store, wanted: () => Promise.resolve(wanted), log });
}

async function agentOf(redis: GuardedRedis, login: TestLogin, name: string) {
  const counter = countCalls((req, res) => {
    // The first one never gets to its end.
    if (name !== 'revoked') res.end(`${name} ${req.url}`);
  });
  const upstream = await upstreamHere(counter.listener);
  await agentHere(agentUrl(redis, login), login.group, upstream.url, { name, concurrency: 1 });
  return counter;
}

test('a token that is taken away is out within 2 s, and others take over what it had', async () => {
  const redis = await guardedRedisHere();
  const group = uniqueGroup();
  const [revoked, kept] = [newLogin(group), newLogin(group)];
  const wanted: AgentLogin[] = [revoked, kept];
  const logins = keepLogins(redis, wanted);
  await waitFor(() => logins.provision(), { what: 'Redis' });
  const hub = await hubHere(redis.adminUrl, group, { leaseMs: LEASE_MS });
  const calls = await agentOf(redis, revoked, 'revoked');
  const running = ask(`${hub.url}/running`);
  await waitFor(() => calls.running === 1, { what: 'the upstream to be called' });
  await agentOf(redis, kept, 'kept');
  expect((await connectionsOf(redis, revoked.user)).length).toBeGreaterThanOrEqual(2);

  wanted.shift();
  const takenAt = performance.now();
  expect(await logins.provision()).toEqual({ created: [], changed: [], deleted: [revoked.tokenId] });

  await waitFor(async () => (await connectionsOf(redis, revoked.user)).length === 0, {
    what: 'its connections to be cut',
  });
  expect(performance.now() - takenAt).toBeLessThan(2_000);
  expect(await running).toMatchObject({ outcome: 'answered', status: 200, body: 'kept /running' });
  expect(await ask(`${hub.url}/next`)).toMatchObject({ status: 200, body: 'kept /next' });
  expect(await connectionsOf(redis, revoked.user)).toEqual([]);
  await expectNothingLeft(redis.adminUrl, group);
});

test('a Redis that restarts without its users lets agents in again by itself', async () => {
  const redis = await guardedRedisHere();
  const login = newLogin(uniqueGroup());
  const logins = keepLogins(redis, [login]);
  await waitFor(() => logins.provision(), { what: 'Redis' });
  const hub = await hubHere(redis.adminUrl, login.group, { leaseMs: LEASE_MS });
  await agentOf(redis, login, 'back');
  expect(await ask(`${hub.url}/before`)).toMatchObject({ body: 'back /before' });

  await redis.kill('SIGKILL');
  await redis.restart();

  // Until then it is refused: by Redis, then by a hub that has not found the agent yet.
  const answered = async () => (await ask(`${hub.url}/after`)).body === 'back /after';
  await waitFor(answered, { timeoutMs: 8_000, what: 'the agent to be back' });
  await waitFor(async () => (await connectionsOf(redis, login.user)).length === 3, {
    what: 'all its connections to be back',
  });
});

test('a token that is moved to another group leaves the old one at once, blocked as it is', async () => {
  const redis = await guardedRedisHere();
  const moved = newLogin(uniqueGroup());
  const wanted: AgentLogin[] = [moved];
  const logins = keepLogins(redis, wanted);
  await waitFor(() => logins.provision(), { what: 'Redis' });
  const hub = await hubHere(redis.adminUrl, moved.group, { leaseMs: LEASE_MS, firstByteTimeoutMs: 1_000 });
  const calls = await agentOf(redis, moved, 'moved');

  wanted[0] = { ...moved, group: 'elsewhere' };
  expect(await logins.provision()).toEqual({ created: [], changed: [moved.tokenId], deleted: [] });

  // Handed to a reader that was blocked when its rules changed, it would be answered.
  expect((await ask(hub.url)).status).not.toBe(200);
  expect(calls.calls).toEqual([]);
});
