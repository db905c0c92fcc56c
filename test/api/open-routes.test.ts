import { expect, test } from 'vitest';
import { apiHere, type Answer } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

const warningsOf = ({ body }: Answer) => (body as { warnings?: string[] }).warnings;

test('a write of an app with limits warns of routes that ask for no token', async () => {
  const api = await apiHere((await redisHere()).url);
  const rate = { requests: 10 };
  await api.create('group', { name: 'gpu' });
  await api.create('route', {
    name: 'gpu',
    match: { path: '/gpu' },
    groups: [{ group: 'gpu' }],
    auth: 'app',
  });
  const created = await api.post('/v1/apps', { name: 'shop', rate });
  expect({ status: created.status, warnings: warningsOf(created) }).toEqual({
    status: 201,
    warnings: [
      expect.stringContaining('these routes ask for no token: default. Give them auth: app') as string,
    ],
  });
  // An answer may be sent back as it is.
  const { token: _, ...view } = created.body as Record<string, unknown>;
  expect(warningsOf(await api.put('/v1/apps/shop', view))).toHaveLength(1);
  expect(warningsOf(await api.patch('/v1/apps/shop', { description: 'a shop' }))).toHaveLength(1);
  expect(warningsOf(await api.patch('/v1/apps/shop?dryRun=true', { concurrency: 2 }))).toHaveLength(1);
  expect(await api.get('/v1/apps/shop')).not.toHaveProperty('body.warnings');

  // Neither without limits, nor when its groups have only routes that ask.
  expect(warningsOf(await api.patch('/v1/apps/shop', { rate: null }))).toBeUndefined();
  expect(warningsOf(await api.patch('/v1/apps/shop', { rate, groups: ['gpu'] }))).toBeUndefined();

  const document = (await api.get('/v1/config')).body as { apps: { groups: string[] }[] };
  document.apps.forEach((app) => (app.groups = []));
  expect(warningsOf(await api.put('/v1/config?dryRun=true', document))).toHaveLength(1);
  await api.patch('/v1/routes/default', { auth: 'app' });
  expect(warningsOf(await api.put('/v1/config', { ...document, routes: [] }))).toBeUndefined();
});
