import { expect, test } from 'vitest';
import { apiHere, problemOf } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

test('tells where a request would go, and why not elsewhere', async () => {
  const api = await apiHere((await redisHere()).url);
  await api.create('group', { name: 'gpu' });
  await api.create('route', {
    name: 'gpu',
    match: {
      host: '*.example.com',
      path: '/gpu/*',
      methods: ['POST'],
      headers: [{ name: 'X-Kind', value: 'a' }],
    },
    groups: [{ group: 'gpu', weight: 3 }, { group: 'default' }],
    stripPrefix: true,
    scope: 'eu',
    auth: 'app',
  });
  const request = {
    method: 'POST',
    host: 'api.example.com:8080',
    target: '/gpu/v1?x=1',
    headers: { 'x-kind': 'a' },
  };
  const found = await (await api.admin('viewer')).post('/v1/routes/test', request);
  expect(found).toMatchObject({ status: 200 });
  expect(found.body).toEqual({
    matched: 'gpu',
    target: '/v1?x=1',
    groups: [
      { group: 'gpu', share: 0.75 },
      { group: 'default', share: 0.25 },
    ],
    source: null,
    scope: 'eu',
    needsApp: true,
    rejected: [{ route: 'default', why: 'lower priority than gpu' }],
  });
  const whys = [];
  for (const other of [{ host: 'example.org' }, { method: 'GET' }, { headers: {} }, { target: '/cpu' }]) {
    const { body } = await api.post('/v1/routes/test', { ...request, ...other });
    expect(body).toMatchObject({ matched: 'default', needsApp: false, scope: null });
    whys.push((body as { rejected: { why: string }[] }).rejected[0]?.why.split(':')[0]);
  }
  expect(whys).toEqual(['host', 'method', 'header x-kind', 'path']);

  // A change counts at once.
  await api.delete('/v1/routes/default');
  const none = await api.post('/v1/routes/test', { target: '/other' });
  expect(none.body).toMatchObject({ matched: null, target: null, groups: [], needsApp: false });
  for (const [wrong, path] of [
    [{ target: 'a b' }, 'target'],
    [{ target: '/a', path: '/' }, 'path'],
    [{}, 'target'],
  ] as const) {
    expect(problemOf(await api.post('/v1/routes/test', wrong))).toMatchObject({ status: 422, paths: [path] });
  }
});
