import { expect, test } from 'vitest';
import { apiHere, problemOf } from '../support/api.ts';
import { hubHere, redisHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// References between objects.

test('a group that is used is not removed, and one that is not there cannot be used', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.create('group', { name: 'gpu' });
  await api.create('route', { name: 'gpu', match: { path: '/gpu/*' }, groups: [{ group: 'gpu' }] });
  await api.create('app', { name: 'shop', groups: ['default', 'gpu'] });
  await api.create('agent', { name: 'box', group: 'gpu' });
  expect(problemOf(await api.delete('/v1/groups/gpu'))).toEqual({
    status: 409,
    code: 'conflict',
    paths: ['routes.gpu.groups[0].group', 'apps.shop.groups[1]', 'agents.box.group'],
  });
  const missing = { groups: [{ group: 'default' }, { group: 'none' }] };
  expect(problemOf(await api.patch('/v1/routes/gpu', missing))).toEqual({
    status: 409,
    code: 'conflict',
    paths: ['groups[1].group'],
  });
  for (const path of ['/v1/routes/gpu', '/v1/agents/box']) await api.delete(path);
  await api.patch('/v1/apps/shop', { groups: ['default'] });
  expect((await api.delete('/v1/groups/gpu')).status).toBe(204);
});

test('two routes cannot match the same requests, and none can have an expression that is none', async () => {
  const api = await apiHere((await redisHere()).url);
  const route = { match: { path: '/a' }, groups: [{ group: 'default' }] };
  await api.create('route', { name: 'one', ...route });
  const twin = await api.post('/v1/routes', { name: 'two', ...route });
  expect(problemOf(twin)).toEqual({ status: 409, code: 'conflict', paths: ['match'] });
  for (const [wrong, path] of [
    [{ match: { path: '~ ^/(a' } }, 'match.path'],
    [{ rewrite: '/b/$1' }, 'rewrite'],
  ]) {
    const answer = await api.patch('/v1/routes/one', wrong);
    expect(problemOf(answer)).toEqual({ status: 422, code: 'invalid', paths: [path] });
  }
});

test('what a removed group has left in Redis goes when nobody serves it any more', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.create('group', { name: 'old' });
  await api.create('route', { name: 'old', match: { path: '/old' }, groups: [{ group: 'old' }] });
  await hubHere(redis.url, '', { groups: [] });
  const keys = () => withRedis(redis.url, (client) => client.keys('mr:{old}:*'));
  await waitFor(async () => (await keys()).includes('mr:{old}:hubs'), { what: 'the hub to serve the group' });

  // As agents with a scope leave it.
  await withRedis(redis.url, async (client) => {
    await client.hset('mr:{old}:lanes', '0+gpu', 0);
    await client.xadd('mr:{old}:waiting:gpu', '1-1', 'm', '');
    await client.xdel('mr:{old}:waiting:gpu', '1-1');
  });

  await api.delete('/v1/routes/old');
  expect((await api.delete('/v1/groups/old')).status).toBe(204);
  await waitFor(async () => (await keys()).length === 0, { what: 'its keys to go' });
  const { body } = await api.get('/v1/status');
  expect(JSON.stringify(body)).not.toContain('"old"');
});
