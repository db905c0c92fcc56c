import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { configure, configuredHub, LOG_ERROR, newToken, recordLog } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Objects that the store would never have written, or that another version has written: one object is left out, not all.

async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('served'));
  await agentHere(redis.url, group, upstream.url);
  const route = (path: string) => ({ name: path.slice(1), match: { path }, groups: [{ group }] });
  await configure(redis.url, { groups: [{ name: group, leaseMs: 1_500 }], routes: [route('/good')] });
  const { log, lines } = recordLog();
  const hub = await configuredHub(redis.url, {}, log);
  const errors = () => lines.filter(({ level }) => level === LOG_ERROR);
  const statusOf = async (path: string) => (await ask(`${hub.url}${path}`)).status;
  return { redis, group, route, errors, statusOf };
}

const STAMPS = { revision: 1, createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' };

test.each([
  ['what is no JSON', '{'],
  ['what lacks everything', '{}'],
  ['a field that has a wrong type', JSON.stringify({ ...STAMPS, name: 'bad', groups: 7 })],
])('%s is left out with an error, the rest works', async (_what, json) => {
  const { redis, route, errors, statusOf } = await start();
  await configure(redis.url, { routes: [route('/new')], texts: [{ kind: 'route', name: 'bad', json }] });

  await waitFor(async () => (await statusOf('/new')) === 200, {
    timeoutMs: 1_500,
    what: 'the good one to count',
  });
  expect(await statusOf('/good')).toBe(200);
  expect(await statusOf('/bad')).toBe(404);
  expect(errors()).toMatchObject([{ kind: 'route', object: 'bad' }]);

  await configure(redis.url, { routes: [route('/bad')] });
  await waitFor(async () => (await statusOf('/bad')) === 200, {
    timeoutMs: 1_500,
    what: 'the corrected one to count',
  });
  expect(errors()).toHaveLength(1);
});

test('of every kind one bad object does not hurt the others', async () => {
  const { redis, group, route, errors, statusOf } = await start();
  const { stored } = newToken('app');
  const kinds = ['group', 'route', 'app', 'agent', 'admin'] as const;
  await configure(redis.url, {
    routes: [route('/new')],
    apps: [{ name: 'shop', tokens: [stored] }],
    agents: [{ name: 'machine', group }],
    texts: kinds.map((kind) => ({ kind, name: `bad-${kind}`, json: '{"name":1}' })),
  });

  await waitFor(async () => (await statusOf('/new')) === 200, {
    timeoutMs: 1_500,
    what: 'the good one to count',
  });
  expect(errors()).toMatchObject(kinds.map((kind) => ({ kind, object: `bad-${kind}` })));
});

test('routes that cannot be compiled are left out with an error each, the rest works', async () => {
  const { redis, route, errors, statusOf } = await start();
  await configure(redis.url, {
    routes: [
      route('/new'),
      { ...route('/unclosed'), match: { path: '~ ^/unclosed(' } },
      { ...route('/captures'), match: { path: '/captures/*' }, rewrite: '/$2' },
    ],
  });

  await waitFor(async () => (await statusOf('/new')) === 200, {
    timeoutMs: 1_500,
    what: 'the good one to count',
  });
  expect(await statusOf('/good')).toBe(200);
  expect(await statusOf('/unclosed')).toBe(404);
  expect(await statusOf('/captures/a')).toBe(404);
  const left = new Set(errors().map((line) => line['route']));
  expect(left).toEqual(new Set(['captures', 'unclosed']));
  expect(errors()).toHaveLength(2);
});

test('a route to a group that is not there matches nothing, the rest works', async () => {
  const { redis, route, statusOf } = await start();
  await configure(redis.url, {
    routes: [route('/new'), { name: 'lost', match: { path: '/lost' }, groups: [{ group: 'not-there' }] }],
  });
  await waitFor(async () => (await statusOf('/new')) === 200, {
    timeoutMs: 1_500,
    what: 'the good one to count',
  });
  expect(await statusOf('/lost')).toBe(404);
  expect(await statusOf('/good')).toBe(200);
});
