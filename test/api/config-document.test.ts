import { expect, test } from 'vitest';
import { parseToken } from '../../router-core/config/token.ts';
import { apiHere, problemOf, type Answer, type ApiClient } from '../support/api.ts';
import { redisHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

interface Document {
  groups: { name: string; [field: string]: unknown }[];
  routes: { name: string; [field: string]: unknown }[];
  apps: object[];
  agents: object[];
  admins: object[];
}

const documentOf = ({ body }: Answer) => body as Document;
const changesOf = ({ body }: Answer) => (body as { changes: object[] }).changes;
const tokensOf = ({ body }: Answer) =>
  (body as { tokens: { kind: string; name: string; token: string }[] }).tokens;

/** One of each kind, beside what a fresh install has. */
async function fill(api: ApiClient): Promise<void> {
  await api.create('group', { name: 'gpu', concurrency: 4, retry: { attempts: 3 } });
  await api.create('route', {
    name: 'gpu',
    match: { path: '/gpu/*', headers: [{ name: 'x-a', value: 'b' }] },
    groups: [{ group: 'gpu', weight: 2 }, { group: 'default' }],
    setHeaders: { 'x-key': 'k' },
    stripPrefix: true,
  });
  await api.create('app', { name: 'shop', groups: ['gpu'], rate: { requests: 5 } });
  await api.create('agent', { name: 'box', group: 'gpu', scopes: ['eu'] });
  await api.create('admin', { name: 'eve', role: 'operator' });
}

test('a fresh install has a group and a route, and keeps them with the first write', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const fresh = await api.get('/v1/config');
  expect([fresh.headers.get('etag'), await withRedis(redis.url, (client) => client.dbsize())]).toEqual([
    '"0"',
    0,
  ]);
  expect(documentOf(fresh)).toMatchObject({ groups: [{ name: 'default' }], routes: [{ name: 'default' }] });
  await api.create('app', { name: 'shop' });
  const { groups, routes, apps } = documentOf(await api.get('/v1/config'));
  expect({ groups, routes }).toEqual({ groups: documentOf(fresh).groups, routes: documentOf(fresh).routes });
  expect(apps).toMatchObject([{ name: 'shop' }]);
});

test('what was exported can be applied to an empty Redis, and is the same then', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await fill(api);
  const exported = documentOf(await api.get('/v1/config'));
  expect(JSON.stringify(exported)).not.toMatch(/sha256|mr_|revision/);

  const other = await redisHere();
  const empty = await apiHere(other.url);
  const applied = await empty.put('/v1/config', exported);
  expect(applied.status).toBe(200);
  expect(tokensOf(applied).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'app shop',
    'agent box',
    'admin eve',
  ]);
  expect(tokensOf(applied).map(({ token }) => parseToken(token)?.kind)).toEqual(['app', 'agent', 'admin']);
  expect(documentOf(await empty.get('/v1/config'))).toEqual(exported);
  const eve = tokensOf(applied).find(({ name }) => name === 'eve')?.token ?? '';
  expect((await empty.as(eve).get('/v1/groups')).status).toBe(200);

  const again = await empty.put('/v1/config', exported);
  expect([changesOf(again), tokensOf(again)]).toEqual([[], []]);
  expect((again.body as { version: number }).version).toBe((applied.body as { version: number }).version);
});

test('a Redis that has lost everything gets it back with the next write', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await fill(api);
  const before = documentOf(await api.get('/v1/config'));
  await withRedis(redis.url, (client) => client.flushall());
  await api.patch('/v1/groups/gpu', { description: 'after the loss' });
  const after = documentOf(await api.get('/v1/config'));
  expect(after.groups.find(({ name }) => name === 'gpu')).toMatchObject({ description: 'after the loss' });
  expect({ ...after, groups: [] }).toEqual({ ...before, groups: [] });
  const second = await apiHere(redis.url);
  await waitFor(
    async () => JSON.stringify(documentOf(await second.get('/v1/config'))) === JSON.stringify(after),
    {
      what: 'another router-api to see it',
    },
  );
});

test('a dry run tells what would change, and changes nothing', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await fill(api);
  const before = await api.get('/v1/config');
  const { groups, ...rest } = documentOf(before);
  const wanted = {
    ...rest,
    groups: groups.map((group) => (group.name === 'gpu' ? { ...group, concurrency: 8 } : group)),
    routes: rest.routes.filter(({ name }) => name !== 'default'),
    apps: [...rest.apps, { name: 'new' }],
  };
  const dry = await api.put('/v1/config?dryRun=true', wanted);
  const expected = [
    { kind: 'group', name: 'gpu', change: 'changed', fields: [['concurrency', 4, 8]] },
    { kind: 'route', name: 'default', change: 'removed' },
    { kind: 'app', name: 'new', change: 'added' },
  ];
  expect([changesOf(dry), tokensOf(dry)]).toEqual([expected, []]);
  const after = await api.get('/v1/config');
  expect([after.body, after.headers.get('etag')]).toEqual([before.body, before.headers.get('etag')]);
  const applied = await api.put('/v1/config', wanted);
  expect(changesOf(applied)).toEqual(expected);
  expect(tokensOf(applied)).toMatchObject([{ kind: 'app', name: 'new' }]);
});

test('all of it or nothing, and only on top of what was read', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await fill(api);
  const before = await api.get('/v1/config');
  const document = documentOf(before);
  const broken = [
    { ...document, groups: document.groups.filter(({ name }) => name !== 'gpu') },
    {
      ...document,
      routes: [...document.routes, { name: 'x', match: { path: '~ (' }, groups: [{ group: 'gpu' }] }],
    },
    { ...document, apps: [{ name: 'a' }, { name: 'a' }] },
    { ...document, tokens: [] },
  ];
  const answers = [];
  for (const each of broken) answers.push(problemOf(await api.put('/v1/config', each)));
  expect(answers).toMatchObject([
    { status: 409, code: 'conflict', paths: expect.arrayContaining(['agents[0].group']) as string[] },
    { status: 422, code: 'invalid' },
    { status: 422, code: 'invalid', paths: ['apps[1].name'] },
    { status: 422, code: 'invalid', paths: ['tokens'] },
  ]);
  expect((await api.get('/v1/config')).body).toEqual(document);

  const etag = before.headers.get('etag') ?? '';
  expect((await api.get('/v1/config', { headers: { 'if-none-match': etag } })).status).toBe(304);
  await api.create('app', { name: 'meanwhile' });
  const stale = await api.put('/v1/config', document, { headers: { 'if-match': etag } });
  expect(problemOf(stale)).toEqual({ status: 412, code: 'stale' });
  expect((await api.get('/v1/apps/meanwhile')).status).toBe(200);
});
