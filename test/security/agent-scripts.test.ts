import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readScript } from '../../router-core/redis/connection/run-script.ts';
import { AGENT_SCRIPTS } from '../../router-core/redis/scripts/agent-scripts.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { agentUrl, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis } from '../support/agent-logins.ts';
import { ask } from '../support/ask.ts';
import { recordLog } from '../support/config.ts';
import { agentHere, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { startRedisAgent, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Agents run scripts that hubs and router-api have loaded, and bring none of their own.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

const flush = () => withRedis(redis.adminUrl, (client) => client.script('FLUSH'));

async function loginOf(group: string) {
  const login = newLogin(group);
  await provision(redis, [login]);
  return login;
}

test('the list of scripts is what the code of agents runs', () => {
  const folder = join(packageFolder(), 'router-core/redis/agent');
  const files = [...readdirSync(folder), '../scripts/log-keeper.ts'];
  const sources = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  const used = sources.flatMap((source) =>
    [...source.matchAll(/loadScript\('(.+?)'\)/g)].map(([, name = '']) => name),
  );
  // Only the relay of a hub adopts requests, and hubs may load scripts.
  const ofAgents = used.filter((name) => name !== 'adopt');
  expect(ofAgents.sort()).toEqual([...AGENT_SCRIPTS].sort());
});

test('a hub brings them, and brings them again after SCRIPT FLUSH', async () => {
  const group = uniqueGroup();
  const login = await loginOf(group);
  const hub = await hubHere(redis.adminUrl, group);
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  await agentHere(agentUrl(redis, login), group, upstream.url);
  expect((await ask(hub.url)).body).toBe('ok');

  for (let i = 0; i < 3; i++) {
    await flush();
    expect((await ask(hub.url)).body).toBe('ok');
  }
  const known = await withRedis(redis.adminUrl, async (client) => {
    const shas = AGENT_SCRIPTS.map((name) => readScript(name).sha);
    await flush();
    await waitFor(async () => !((await client.script('EXISTS', ...shas)) as number[]).includes(0), {
      what: 'all scripts to be known again',
    });
    return true;
  });
  expect(known).toBe(true);
});

test('an agent that comes before any hub waits for them, says so once, and goes on', async () => {
  await flush();
  const group = uniqueGroup();
  const login = await loginOf(group);
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const { log, lines } = recordLog();
  const agent = startRedisAgent(
    {
      redisUrl: agentUrl(redis, login),
      token: login.token,
      group,
      upstreams: [upstream.url],
      concurrency: 1,
      name: 'early',
      hubs: [],
      hubCa: undefined,
      upstreamCa: undefined,
      upstreamCert: undefined,
      upstreamKey: undefined,
      upstreamInsecure: false,
      healthPath: undefined,
      setHeaders: [],
      labels: {},
      reportHardware: false,
      preserveHost: false,
      drainMs: 100,
      connectTimeoutMs: 1_000,
      metricsPort: undefined,
      metricsHost: '',
      logLevel: 'silent' as const,
    },
    log,
  );
  const said = () => lines.filter(({ msg }) => msg.includes('does not know the scripts of agent version'));
  try {
    await withRedis(redis.adminUrl, (client) =>
      client.set(
        `mr:{agent:${login.tokenId}}:group`,
        JSON.stringify({ agent: 'a', group, concurrency: 0, scopes: [] }),
      ),
    );
    await waitFor(() => said().length > 0, { what: 'the agent to say what it waits for' });
    const hub = await hubHere(redis.adminUrl, group);
    await agent.joined;
    expect(said()).toHaveLength(1);
    expect(lines.some(({ msg }) => msg === 'this Redis knows the scripts now')).toBe(true);
    expect((await ask(hub.url)).status).toBeLessThan(600);
  } finally {
    await agent.close();
  }
});
