import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../../router-core/agent/agent.ts';
import { ask } from '../support/ask.ts';
import { askAs, configure } from '../support/config.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  startTestAgent,
  startTestHub,
  startUpstream,
  type TestHub,
  type TestUpstream,
} from '../support/router.ts';

// Stored routes from the client to the upstream. What each part of a route means in detail is tested at the route table.

const GROUPS = ['one', 'two', 'canary'];

let redis: TestRedis;
let hub: TestHub;
let upstreams: TestUpstream[];
let agents: Agent[];

beforeAll(async () => {
  redis = await startRedis();
  await configure(redis.url, { groups: GROUPS.map((name) => ({ name })), routes: ROUTES });
  hub = await startTestHub(redis.url, '', { groups: [], drainMs: 300 });
  upstreams = [];
  agents = [];
  for (const group of GROUPS) {
    const upstream = await startUpstream((req, res) => {
      const answer = () => res.end(JSON.stringify({ group, target: req.url, headers: req.headers }));
      setTimeout(answer, req.url?.startsWith('/slow') ? 2_000 : 0);
    });
    upstreams.push(upstream);
    agents.push(await startTestAgent(redis.url, group, upstream.url, { drainMs: 300 }));
  }
});
afterAll(async () => {
  await Promise.all([hub.close(), ...agents.map((agent) => agent.close())]);
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await redis.stop();
});

const to = (group: string) => [{ group }];

const ROUTES: NonNullable<Parameters<typeof configure>[1]['routes']> = [
  { name: 'default', groups: to('one') },
  { name: 'host', match: { host: '*.two.test' }, groups: to('two') },
  { name: 'method', match: { path: '/method', methods: ['POST'] }, groups: to('two') },
  {
    name: 'header',
    match: { path: '/header', headers: [{ name: 'X-Model', pattern: '^big-' }] },
    groups: to('two'),
  },
  {
    name: 'rewritten',
    match: { path: String.raw`~ ^/v(\d)/users/([a-z]+)$` },
    groups: to('two'),
    rewrite: '/users/$2/of/v$1',
  },
  { name: 'stripped', match: { path: '/api/*' }, groups: to('two'), stripPrefix: true },
  {
    name: 'headers',
    match: { path: '/headers' },
    groups: to('two'),
    setHeaders: { 'X-Set': 'by the route' },
    removeHeaders: ['X-Secret'],
  },
  { name: 'exact', match: { path: '/priority/exact' }, groups: to('one') },
  { name: 'urgent', match: { path: '/priority/*' }, priority: 1, groups: to('two') },
  {
    name: 'weighted',
    match: { path: '/weighted' },
    groups: [
      { group: 'one', weight: 90 },
      { group: 'canary', weight: 10 },
    ],
  },
  { name: 'hasty', match: { path: '/slow/hasty' }, groups: to('one'), timeouts: { firstByteMs: 200 } },
];

interface Seen {
  group: string;
  target: string;
  headers: Record<string, string>;
}

async function seen(path: string, options: Omit<Parameters<typeof askAs>[1], 'path'> = {}): Promise<Seen> {
  const { status, body } = await askAs(hub.url, { path, ...options });
  expect({ status, body }).toMatchObject({ status: 200 });
  return JSON.parse(body) as Seen;
}

test.each([
  ['a host', '/', { host: 'a.two.test' }, 'two'],
  ['a host with a port', '/', { host: 'b.TWO.test:8080' }, 'two'],
  ['another host', '/', { host: 'two.test' }, 'one'],
  ['a method', '/method', { method: 'POST' }, 'two'],
  ['another method', '/method', {}, 'one'],
  ['a header', '/header', { headers: { 'x-model': 'big-7b' } }, 'two'],
  ['another value of a header', '/header', { headers: { 'x-model': 'not-big-7b' } }, 'one'],
  ['a priority, before an exact path', '/priority/exact', {}, 'two'],
])('is sent on by %s', async (_what, path, options, group) => {
  expect(await seen(path, options)).toMatchObject({ group, target: path });
});

test.each([
  ['what an expression captured', '/v2/users/ada?a=1&b=%20', '/users/ada/of/v2?a=1&b=%20'],
  ['the prefix taken off', '/api/jobs/1?x', '/jobs/1?x'],
  ['nothing but the prefix', '/api', '/'],
])('reaches the upstream with %s', async (_what, path, target) => {
  expect(await seen(path)).toMatchObject({ group: 'two', target });
});

test('the stripped prefix is in X-Forwarded-Prefix, and what a client says there is not', async () => {
  const headers = { 'X-Forwarded-Prefix': '/evil' };
  expect((await seen('/api/jobs', { headers })).headers).toMatchObject({ 'x-forwarded-prefix': '/api' });
  expect((await seen('/', { headers })).headers).not.toHaveProperty('x-forwarded-prefix');
});

test('header fields are set and removed', async () => {
  const sent = { 'X-Set': 'by the client', 'X-Secret': 'of the client', 'X-Kept': 'yes' };
  const { headers } = await seen('/headers', { headers: sent });
  expect(headers).toMatchObject({ 'x-set': 'by the route', 'x-kept': 'yes' });
  expect(headers).not.toHaveProperty('x-secret');
});

test('weights share the requests', async () => {
  let canary = 0;
  for (let i = 0; i < 20; i++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => seen('/weighted')));
    canary += answers.filter(({ group }) => group === 'canary').length;
  }
  // 40 of 400 expected, with a deviation of 6: outside of these bounds once in 30,000 runs.
  expect(canary).toBeGreaterThan(15);
  expect(canary).toBeLessThan(66);
});

test('a route can be more hasty than its group', async () => {
  const hasty = await ask(`${hub.url}/slow/hasty`);
  expect(hasty).toMatchObject({ status: 504, headers: { 'router-error': 'deadline' } });
  expect(hasty.elapsedMs).toBeLessThan(1_500);
  expect((await ask(`${hub.url}/slow/other`)).status).toBe(200);
});

test('without any route the answer is no-route', async () => {
  await configure(redis.url, { removed: [{ kind: 'route', name: 'default' }] });
  await expect
    .poll(async () => (await ask(`${hub.url}/nowhere`)).headers['router-error'], { timeout: 1_000 })
    .toBe('no-route');
});
