import { expect, test } from 'vitest';
import { LIST_OF } from '../../router-core/config/object-kinds.ts';
import { parseToken, TOKEN_KINDS } from '../../router-core/config/token.ts';
import { apiHere, problemOf, type Answer } from '../support/api.ts';
import { ask } from '../support/ask.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

interface TokenInfo {
  readonly id: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

const FIELDS = { app: {}, agent: { group: 'default' }, admin: { role: 'viewer' } };
const tokensOf = ({ body }: Answer) => (body as { tokens: TokenInfo[] }).tokens;
const tokenOf = ({ body }: Answer) => (body as { token: string }).token;
const idOf = (token: string) => parseToken(token)?.id ?? '';

test.each(TOKEN_KINDS)('the token of an %s is shown once; others follow it, and it ends', async (kind) => {
  const api = await apiHere((await redisHere()).url);
  const one = `/v1/${LIST_OF[kind]}/thing`;
  const created = await api.post(`/v1/${LIST_OF[kind]}`, { name: 'thing', ...FIELDS[kind] });
  const first = tokenOf(created);
  expect(parseToken(first)?.kind).toBe(kind);
  expect(created.headers.get('cache-control')).toBe('no-store');
  expect((await api.get(one)).body).not.toHaveProperty('token');
  expect(tokensOf(await api.get(one))).toMatchObject([
    { id: idOf(first), expiresAt: null, lastUsedAt: null },
  ]);

  const rotated = await api.post(`${one}/rotate`, { graceMs: 60_000 });
  const second = tokenOf(rotated);
  const [old, current] = tokensOf(rotated);
  expect([old?.id, current?.id, current?.expiresAt]).toEqual([idOf(first), idOf(second), null]);
  const leftMs = Date.parse(old?.expiresAt ?? '') - Date.now();
  expect(leftMs).toBeGreaterThan(30_000);
  expect(leftMs).toBeLessThanOrEqual(60_000);

  const third = tokenOf(await api.post(`${one}/rotate`));
  expect(tokensOf(await api.get(one)).map(({ id }) => id)).toEqual([idOf(third)]);
  const fourth = tokenOf(await api.post(`${one}/rotate`, { graceMs: 60_000 }));
  const left = await api.post(`${one}/revoke`, { tokenId: idOf(third) });
  expect(tokensOf(left).map(({ id }) => id)).toEqual([idOf(fourth)]);
  const unknown = await api.post(`${one}/revoke`, { tokenId: 'none' });
  expect(problemOf(unknown)).toEqual({ status: 404, code: 'not-found' });
  expect(tokensOf(await api.post(`${one}/revoke`))).toEqual([]);
  expect(new Set([first, second, third, fourth]).size).toBe(4);

  expect(problemOf(await api.post(`${one}/rotate`, { graceMs: -1 }))).toMatchObject({ status: 422 });
  expect(problemOf(await api.post(`${one}/rotate`, { grace: 1 }))).toMatchObject({ status: 422 });
  expect(problemOf(await api.post(`/v1/${LIST_OF[kind]}/none/rotate`))).toMatchObject({ status: 404 });
});

test('an admin is who its token says, until it is rotated, revoked or expired', async () => {
  const api = await apiHere((await redisHere()).url);
  const eve = await api.admin('viewer', 'eve');
  expect((await eve.get('/v1/groups')).status).toBe(200);
  const lastUsed = async () => tokensOf(await api.get('/v1/admins/eve'))[0]?.lastUsedAt;
  const at = await waitFor(lastUsed, { what: 'the use to be noted' });
  expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(10_000);

  const next = tokenOf(await api.post('/v1/admins/eve/rotate', { graceMs: 300 }));
  expect((await eve.get('/v1/groups')).status).toBe(200);
  expect((await eve.as(next).get('/v1/groups')).status).toBe(200);
  await waitFor(async () => (await eve.get('/v1/groups')).status === 401, { what: 'the grace to end' });
  await api.patch('/v1/admins/eve', { expiresAt: new Date(Date.now() - 1).toISOString() });
  expect((await eve.as(next).get('/v1/groups')).status).toBe(401);
  await api.patch('/v1/admins/eve', { expiresAt: null });
  expect((await eve.as(next).get('/v1/groups')).status).toBe(200);
  await api.post('/v1/admins/eve/revoke');
  expect((await eve.as(next).get('/v1/groups')).status).toBe(401);
});

test('the token of an app that is revoked is refused by hubs within a second', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const upstream = await upstreamHere((_req, res) => void res.end('served'));
  await api.patch('/v1/routes/default', { auth: 'app' });
  const token = await api.create('app', { name: 'shop' });
  await agentHere(redis.url, 'default', upstream.url);
  const hub = await configuredHub(redis.url);
  const status = async () => (await ask(hub.url, { headers: { 'router-token': token } })).status;
  await waitFor(async () => (await status()) === 200, { what: 'the app to get through' });
  const wasUsed = async () => tokensOf(await api.get('/v1/apps/shop'))[0]?.lastUsedAt;
  await waitFor(wasUsed, { what: 'the hub to report the use' });

  await api.post('/v1/apps/shop/pause');
  await waitFor(async () => (await status()) === 403, { timeoutMs: 1_000, what: 'the pause' });
  await api.post('/v1/apps/shop/resume');
  await waitFor(async () => (await status()) === 200, { timeoutMs: 1_000, what: 'the end of the pause' });
  await api.post('/v1/apps/shop/revoke');
  await waitFor(async () => (await status()) === 401, { timeoutMs: 1_000, what: 'the revocation' });
});

test('the token of an agent is a login to Redis as long as it is good', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const token = await api.create('agent', { name: 'box', group: 'default' });
  const users = () => withRedis(redis.url, (client) => client.acl('USERS'));
  const isUser = async (of: string) => (await users()).some((user) => user.includes(idOf(of)));
  const card = () => withRedis(redis.url, (client) => client.exists(`mr:{agent:${idOf(token)}}:group`));
  expect([await isUser(token), await card()]).toEqual([true, 1]);

  const next = tokenOf(await api.post('/v1/agents/box/rotate', { graceMs: 500 }));
  expect(await isUser(next)).toBe(true);
  // Nobody asks for anything: router-api notices by itself.
  const hasEnded = async () => !(await isUser(token)) && (await card()) === 0;
  await waitFor(hasEnded, { timeoutMs: 4_000, what: 'the old token to end' });
  await api.delete('/v1/agents/box');
  expect(await isUser(next)).toBe(false);
});
