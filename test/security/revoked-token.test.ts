import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { startGuardedRedis, urlAs, type GuardedRedis } from '../support/agent-logins.ts';
import { ask } from '../support/ask.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, upstreamHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { metaOf } from './support/by-hand.ts';
import { thiefWith, type Thief } from './support/thief.ts';

// A token that was stolen, from what it does to the others until an operator has ended it.

let redis: GuardedRedis;
let api: TestApi;
let closeApi: () => Promise<void>;
beforeEach(async () => {
  redis = await startGuardedRedis();
  ({ api, close: closeApi } = await startTestApi(redis.adminUrl));
});
afterEach(async () => {
  await closeApi();
  await redis.stop();
});

async function start() {
  for (const group of ['alpha', 'beta']) {
    await api.create('group', { name: group, leaseMs: 1_500, queue: { waitMs: 2_000 } });
    await api.create('route', {
      name: group,
      match: { path: `/${group}/*` },
      groups: [{ group }],
      auth: 'none',
    });
  }
  const tokens = {
    alpha: await api.create('agent', { name: 'alpha-box', group: 'alpha' }),
    beta: await api.create('agent', { name: 'beta-box', group: 'beta' }),
    stolen: await api.create('agent', { name: 'stolen', group: 'beta' }),
  };
  const hub = await configuredHub(redis.adminUrl);
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  for (const name of ['alpha', 'beta'] as const) {
    await agentHere(redis.url, name, upstream.url, { token: tokens[name], concurrency: 4, name });
  }
  const serves = (group: string) => async () => (await ask(`${hub.url}/${group}/`)).body === 'ok';
  for (const group of ['alpha', 'beta']) await waitFor(serves(group), { what: `${group} to serve` });
  return { hub, serves, thief: thiefOf(tokens.stolen) };
}

function thiefOf(token: string): Thief {
  const user = token.split('_').slice(0, 3).join('_');
  const login = { token, user, group: 'beta', tokenId: user.slice('mr_agent_'.length), sha256: '' };
  return thiefWith(urlAs(redis, user, token), login);
}

async function poison({ client, keys }: Thief) {
  await client.hset(keys.settings, { version: '9007199254740991', paused: '1', lease: '1' });
  for (let i = 0; i < 2_000; i++) void client.xadd(keys.waiting, '*', metaOf({ id: `x-${i}` }), 'x');
  await client.pexpire(keys.permits, 1);
  await client.hset(keys.dead, 'no', 'stream').catch(() => undefined);
  await client.xadd(keys.redelivery, '*', metaOf({ id: 'x-1', deadline: '9'.repeat(30) }), 'x');
  await new Promise((resolve) => setTimeout(resolve, 10));
  await client.hset(keys.permits, 'no', 'zset');
}

test(
  'one group is poisoned: the others serve, and what operators ask is answered',
  { timeout: 40_000 },
  async () => {
    const { serves, thief } = await start();
    await poison(thief);

    expect(await serves('alpha')()).toBe(true);
    const status = await api.get('/v1/status');
    expect(status.status).toBe(200);
    const groups = (status.body as { groups: { name: string; error: string | null }[] }).groups;
    expect(groups.find(({ name }) => name === 'alpha')?.error).toBeNull();
    expect(groups.find(({ name }) => name === 'beta')?.error).toMatch(/WRONGTYPE/);
    const requests = await api.get('/v1/requests');
    expect(requests.status).toBe(200);
    const dead = await api.get('/v1/dead');
    expect(dead.status).toBe(200);
    expect((dead.body as { errors?: { group: string }[] }).errors?.map(({ group }) => group)).toEqual([
      'beta',
    ]);
  },
);

test('its end, and nothing else, makes the group serve again', { timeout: 40_000 }, async () => {
  const { serves, thief } = await start();
  await poison(thief);
  expect(await serves('beta')()).toBe(false);

  expect((await api.post('/v1/agents/stolen/revoke', {})).status).toBe(200);
  await expect(thief.client.xlen(thief.keys.waiting)).rejects.toThrow(
    /Connection is closed|WRONGPASS|NOAUTH/,
  );
  await waitFor(serves('beta'), { timeoutMs: 20_000, what: 'beta to serve again' });
  const isSound = async () => {
    const { body } = await api.get('/v1/status');
    return (body as { groups: { name: string; error: string | null }[] }).groups.every(
      ({ error }) => error === null,
    );
  };
  await waitFor(isSound, { what: 'all groups to be sound' });
});

test('a token that expires leaves no more behind than one that is revoked', { timeout: 40_000 }, async () => {
  const { serves, thief } = await start();
  await poison(thief);
  expect(await serves('beta')()).toBe(false);

  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  expect((await api.patch('/v1/agents/stolen', { expiresAt })).status).toBe(200);
  await waitFor(serves('beta'), { timeoutMs: 20_000, what: 'beta to serve again' });
  await expect(thief.client.xlen(thief.keys.waiting)).rejects.toThrow(/NOAUTH|NOPERM|WRONGPASS|closed/i);
});

test('a repair by hand is for operators, and in the audit log', { timeout: 40_000 }, async () => {
  const { serves, thief } = await start();
  await poison(thief);
  await withRedis(redis.adminUrl, (client) => client.call('ACL', 'DELUSER', thief.login.user));

  const viewer = await api.admin('viewer');
  expect((await viewer.post('/v1/groups/beta/repair')).status).toBe(403);
  expect((await api.post('/v1/groups/none/repair')).status).toBe(404);
  expect(await api.post('/v1/groups/beta/repair')).toMatchObject({ status: 200, body: { name: 'beta' } });
  await waitFor(serves('beta'), { timeoutMs: 20_000, what: 'beta to serve again' });
  const { body } = await api.get('/v1/audit?kind=group&name=beta');
  expect((body as { items: object[] }).items[0]).toMatchObject({ action: 'repair', actor: { name: 'root' } });
});
