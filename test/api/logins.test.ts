import { expect, onTestFinished, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { startGuardedRedis, urlAs } from '../support/agent-logins.ts';
import { configuredHub } from '../support/config.ts';
import { readFile, section } from '../docs/markdown.ts';
import { agentHere, upstreamHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// Everybody with a login of their own, as docs/security.md shows it.

const PASSWORD = 'a-password';

/** The rules of a user in the documentation. */
function rulesOf(user: string): string[] {
  const text = section(readFile('docs/security.md'), '## Logins to Redis');
  const line = text.split('\n').find((each) => each.startsWith(`user ${user} on `));
  return (line ?? '')
    .replace(/^user \w+ /, '')
    .replace('>…', `>${PASSWORD}`)
    .split(' ');
}

async function start() {
  const redis = await startGuardedRedis();
  onTestFinished(() => redis.stop());
  const setUser = (name: string, rules: string[]) =>
    withRedis(redis.adminUrl, (client) => client.call('ACL', 'SETUSER', name, 'reset', ...rules));
  for (const user of ['hub', 'api']) await setUser(user, rulesOf(user));
  return { redis, setUser, hubUrl: urlAs(redis, 'hub', PASSWORD), apiUrl: urlAs(redis, 'api', PASSWORD) };
}

test('router-api, a hub and an agent work with logins that may do no more than they need', async () => {
  const { redis, apiUrl, hubUrl } = await start();
  const api = await apiHere(apiUrl);
  await api.create('group', { name: 'gpu', leaseMs: 900 });
  await api.patch('/v1/routes/default', { groups: [{ group: 'gpu' }], auth: 'app' });
  const app = await api.create('app', { name: 'shop', concurrency: 2, rate: { requests: 100 } });
  const token = await api.create('agent', { name: 'box', group: 'gpu' });
  const upstream = await upstreamHere((_req, res) => void res.end('served'));
  await agentHere(redis.url, '', upstream.url, { token });
  const hub = await configuredHub(hubUrl);
  const answer = await fetch(hub.url, { headers: { 'router-token': app } });
  expect(await answer.text()).toBe('served');
  for (const path of ['/v1/status', '/v1/requests', '/v1/audit', '/v1/instances']) {
    expect([path, (await api.get(path)).status]).toEqual([path, 200]);
  }
  await api.delete('/v1/agents/box');
  const instances = async () => (await api.get('/v1/instances')).body as { items: object[] };
  await waitFor(async () => (await instances()).items.length === 0, { what: 'the agent to be cut off' });
  expect(api.lines.filter(({ level }) => level >= 50)).toEqual([]);
});

test('where Redis lets nobody manage its users, all else works', async () => {
  const { apiUrl, setUser } = await start();
  await setUser('api', [...rulesOf('hub')]);
  const api = await apiHere(apiUrl);
  await api.create('agent', { name: 'box', group: 'default' });
  expect((await api.get('/v1/agents/box')).status).toBe(200);
  const warned = api.lines.filter(({ msg }) => msg === "agents' logins could not be made");
  // Said once, however often it is tried.
  expect(warned.length).toBe(1);
});
