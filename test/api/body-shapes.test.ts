import { expect, test } from 'vitest';
import { apiHere, problemOf } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

const LEVELS = 10_000;
const deep = `${'{"a":'.repeat(LEVELS)}1${'}'.repeat(LEVELS)}`;
const deepList = `{"scopes": ${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}`;

test('no body is nested so deeply that reading it ends in a 500', async () => {
  const api = await apiHere((await redisHere()).url);
  await api.create('app', { name: 'shop' });
  const headers = { 'content-type': 'application/merge-patch+json' };
  const calls: [method: string, path: string][] = [
    ['PATCH', '/v1/groups/default'],
    ['PATCH', '/v1/routes/default'],
    ['PUT', '/v1/groups/default'],
    ['POST', '/v1/groups'],
    ['PUT', '/v1/config'],
    ['PUT', '/v1/config?dryRun=true'],
    ['POST', '/v1/routes/test'],
    ['POST', '/v1/apps/shop/rotate'],
    ['POST', '/v1/apps/shop/revoke'],
    // It reads none.
    ['POST', '/v1/groups/default/pause'],
  ];
  for (const [method, path] of calls) {
    for (const body of [deep, deepList, `{"description": ${deep}}`]) {
      const answer = await api.call(method, path, { body, headers });
      expect(problemOf(answer)).toEqual({ status: 400, code: 'bad-request' });
      expect(answer.text).toContain('nested deeper than 64 levels');
    }
  }
  // Brackets in a text are no levels, whatever stands before its end.
  const description = `${'[{'.repeat(LEVELS / 100)}"\\`;
  expect((await api.patch('/v1/groups/default', { description })).status).toBe(200);
  expect(api.lines.filter(({ msg }) => msg === 'unexpected failure')).toEqual([]);
});

test('names that mean something else in JavaScript are refused, and dropped nowhere', async () => {
  const api = await apiHere((await redisHere()).url);
  const route = '"name": "r", "groups": [{"group": "default"}], "match": {"path": "/r"}';
  const cases: [method: string, path: string, body: string, at: string][] = [
    ['PUT', '/v1/config', '{"groups": [{"name": "default", "__proto__": 1}]}', 'groups[0].__proto__'],
    ['POST', '/v1/routes', `{${route}, "setHeaders": {"__proto__": "x"}}`, 'setHeaders.__proto__'],
    ['POST', '/v1/routes', `{${route}, "setHeaders": {"\\u005f_proto__": "x"}}`, 'setHeaders.__proto__'],
    ['POST', '/v1/routes', `{${route}, "setHeaders": {"constructor": "x"}}`, 'setHeaders.constructor'],
    ['POST', '/v1/routes', `{${route}, "setHeaders": {"prototype": "x"}}`, 'setHeaders.prototype'],
    ['PATCH', '/v1/routes/default', '{"setHeaders": {"__proto__": "x"}}', 'setHeaders.__proto__'],
    ['PATCH', '/v1/routes/default', '{"__proto__": {"paused": true}}', '__proto__'],
    ['PATCH', '/v1/routes/default', '{"constructor": {"paused": true}}', 'constructor'],
    ['POST', '/v1/routes/test', '{"target": "/", "headers": {"__proto__": "x"}}', 'headers.__proto__'],
    ['POST', '/v1/groups', '{"name": "__proto__"}', 'name'],
  ];
  for (const [method, path, body, at] of cases) {
    expect(problemOf(await api.call(method, path, { body }))).toEqual({
      status: 422,
      code: 'invalid',
      paths: [at],
    });
  }
  // A value may say it.
  expect((await api.patch('/v1/groups/default', { description: '__proto__' })).status).toBe(200);
});

test('objects may be named as what every object of JavaScript has', async () => {
  const api = await apiHere((await redisHere()).url);
  for (const name of ['constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    expect((await api.get(`/v1/groups/${name}`)).status).toBe(404);
    await api.create('group', { name });
    await api.create('app', { name, groups: [name] });
    await api.create('route', { name, match: { path: `/${name}` }, groups: [{ group: name }] });
    expect((await api.get(`/v1/groups/${name}`)).body).toMatchObject({ name });
    const headers = [{ name }];
    await api.patch(`/v1/routes/${name}`, { match: { path: `/${name}`, headers } });
    const tested = async (fields: object) => {
      const { body } = await api.post('/v1/routes/test', { target: `/${name}`, headers: fields });
      return (body as { matched: string }).matched;
    };
    expect([await tested({}), await tested({ [name]: 'x' })]).toEqual(['default', name]);
  }
  const { groups } = (await api.get('/v1/status')).body as { groups: { name: string }[] };
  expect(groups.map(({ name }) => name)).toContain('constructor');
});
