import { expect, test } from 'vitest';
import { NodeConnection } from '../../router-core/redis/connection/node-connection.ts';
import { apiHere } from '../support/api.ts';
import { guardedRedisHere, newLogin, provision } from '../support/agent-logins.ts';
import { recordLog } from '../support/config.ts';
import { agentProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { waitFor } from '../support/wait.ts';

// An agent whose token was taken away says so and ends; one whose Redis has lost its users waits for them.

test(
  'an agent whose token is revoked says once that it has ended, and exits with 4',
  { timeout: 120_000 },
  async () => {
    const redis = await redisHere();
    const api = await apiHere(redis.url);
    const token = await api.create('agent', { name: 'box', group: 'default' });
    const upstream = await upstreamHere((_req, res) => res.end('ok'));
    const agent = await agentProcess(redis.url, 'default', upstream.url, {
      name: 'box',
      env: { ROUTER_AGENT_TOKEN: token },
      waitUntilJoined: false,
    });
    const isIn = async () => (await api.get('/v1/agents/box/instances')).text.includes('"id"');
    await waitFor(isIn, { timeoutMs: 60_000, what: 'the agent to be in its group' });
    expect(await api.post('/v1/agents/box/revoke', {})).toMatchObject({ status: 200 });
    expect((await agent.ended).code).toBe(4);
    const said = agent.stdout.split('\n').filter((line) => line.includes('token of this agent has ended'));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('router-cli agent rotate');
  },
);

test('a Redis that restarts without its users revokes nobody', { timeout: 120_000 }, async () => {
  const redis = await guardedRedisHere();
  const login = newLogin('g');
  await provision(redis, [login]);
  const { log, lines } = recordLog();
  let revoked = 0;
  const onRevoked = () => (revoked += 1);
  const { url } = redis;
  const connection = new NodeConnection({ url, token: login.token, purpose: 'commands', onRevoked, log });
  try {
    expect(await connection.ready(AbortSignal.timeout(5_000))).toBeDefined();
    await redis.kill('SIGKILL');
    await waitFor(() => lines.some(({ msg }) => msg.includes('not reachable')), { what: 'the outage' });
    await sleep(300);
    await redis.restart();
    await waitFor(() => lines.some(({ msg }) => msg.includes('refuses this login')), { what: 'a refusal' });
    await sleep(13_000);
    expect(revoked).toBe(0);
    await provision(redis, [login]);
    expect(await connection.ready(AbortSignal.timeout(5_000))).toBeDefined();
  } finally {
    connection.close();
  }
});
