import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routeSchema } from '../../router-core/config/route.ts';
import { ask } from '../support/ask.ts';
import { configure, newToken } from '../support/config.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';

const PAGE = 'https://app.test';
const { token, stored } = newToken('app');

let redis: TestRedis;
let url = '';
const calls: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
  const group = uniqueGroup();
  const guarded = { groups: [{ group }], auth: 'app' as const };
  await configure(redis.url, {
    groups: [{ name: group }, { name: `${group}-empty`, queue: { waitMs: 0 } }],
    routes: [
      { name: 'theirs', match: { path: '/theirs' }, ...guarded },
      {
        name: 'ours',
        match: { path: '/ours', methods: ['POST'] },
        cors: { origins: [PAGE, 'https://other.test'] },
        ...guarded,
      },
      {
        name: 'cookies',
        match: { path: '/cookies' },
        cors: { origins: [PAGE], credentials: true },
        ...guarded,
      },
      { name: 'any', match: { path: '/any' }, cors: { origins: ['*'] }, groups: [{ group }] },
      {
        name: 'nobody',
        match: { path: '/nobody' },
        cors: { origins: [PAGE] },
        groups: [{ group: `${group}-empty` }],
      },
    ],
    apps: [{ name: 'shop', tokens: [stored] }],
  });
  const upstream = await startUpstream((req, res) => {
    calls.push(`${req.method} ${req.url} ${req.headers.authorization ?? 'without token'}`);
    res.writeHead(200, {
      'Access-Control-Allow-Origin': 'https://upstream.test',
      Vary: 'Accept',
      'X-A': '1',
    });
    res.end('ok');
  });
  const agent = await startTestAgent(redis.url, group, upstream.url, { drainMs: 100 });
  const hub = await startTestHub(redis.url, '', { groups: [], drainMs: 100 });
  ({ url } = hub);
  closing.push(
    () => hub.close(),
    () => agent.close(),
    () => upstream.close(),
    () => redis.stop(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

const preflight = (path: string, headers: Record<string, string> = {}, body?: string) =>
  ask(`${url}${path}`, {
    method: 'OPTIONS',
    headers: { origin: PAGE, 'access-control-request-method': 'POST', ...headers },
    ...(body === undefined ? {} : { body }),
  });

const post = (path: string, headers: Record<string, string> = {}) =>
  ask(`${url}${path}`, { method: 'POST', headers: { origin: PAGE, ...headers } });

const WITH_TOKEN = { authorization: `Bearer ${token}` };

describe('where the route says nothing of CORS', () => {
  test('a preflight passes to the upstream without a token, and its answer is the upstream’s', async () => {
    const before = calls.length;
    const { status, headers } = await preflight('/theirs', { authorization: 'Bearer mr_app_x' });
    expect(calls.slice(before)).toEqual(['OPTIONS /theirs without token']);
    expect({ status, origin: headers['access-control-allow-origin'] }).toEqual({
      status: 200,
      origin: 'https://upstream.test',
    });
  });

  test.each<[what: string, ask: () => ReturnType<typeof ask>]>([
    ['OPTIONS that is no preflight', () => ask(`${url}/theirs`, { method: 'OPTIONS' })],
    ['a preflight with a body', () => preflight('/theirs', { 'content-length': '6' }, 'a body')],
    ['the request behind it', () => post('/theirs')],
  ])('%s needs a token as before', async (_what, send) => {
    const before = calls.length;
    expect((await send()).status).toBe(401);
    expect(calls.slice(before)).toEqual([]);
  });
});

describe('where the route names origins', () => {
  test('the hub answers a preflight for the method that is asked for', async () => {
    const before = calls.length;
    const asked = { 'access-control-request-headers': 'authorization, content-type' };
    const { status, headers, body } = await preflight('/ours', asked);
    expect({ status, body, called: calls.length - before }).toEqual({ status: 204, body: '', called: 0 });
    expect(headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': '600',
    });
    expect(headers.vary).toContain('Origin');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  test('it allows no other page, and no method that the route does not get', async () => {
    const foreign = await preflight('/ours', { origin: 'https://evil.test' });
    expect(foreign.status).toBe(204);
    expect(Object.keys(foreign.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await preflight('/ours', { 'access-control-request-method': 'PUT' })).status).toBe(404);
  });

  test('a reply can be read by these pages, whatever the upstream says, and by no other', async () => {
    const { headers, body } = await post('/ours', WITH_TOKEN);
    expect(body).toBe('ok');
    expect(headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-expose-headers': '*',
      vary: 'Accept, Origin',
    });
    const foreign = await post('/ours', { ...WITH_TOKEN, origin: 'https://evil.test' });
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    expect(foreign.headers.vary).toBe('Accept, Origin');
  });

  test.each<[code: string, path: string, headers: Record<string, string>]>([
    ['unauthorized', '/ours', {}],
    ['no-agent', '/nobody', {}],
    ['no-agent', '/ours', { ...WITH_TOKEN, 'router-scope': 'nobody-has-it' }],
  ])('an error of the router can be read, too: %s', async (code, path, given) => {
    const { headers } = await post(path, given);
    expect(headers).toMatchObject({
      'router-error': code,
      'access-control-allow-origin': PAGE,
      'access-control-expose-headers': '*',
    });
  });

  test('with credentials every field is named that a page may read', async () => {
    const { headers } = await post('/cookies', WITH_TOKEN);
    expect(headers['access-control-allow-credentials']).toBe('true');
    const names = headers['access-control-expose-headers']?.split(', ');
    expect(names).toEqual(expect.arrayContaining(['X-A', 'Router-Request-Id', 'Server-Timing']));
    expect(names).not.toContain('*');
  });

  test('every page may use a route whose origin is *', async () => {
    const { headers } = await preflight('/any', { origin: 'https://evil.test' });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect((await post('/any')).headers).toMatchObject({
      'access-control-allow-origin': '*',
      vary: 'Accept',
    });
  });
});

test.each<[what: string, cors: object]>([
  ['a path', { origins: ['https://app.test/'] }],
  ['no scheme', { origins: ['app.test'] }],
  ['cookies for every page', { origins: ['*'], credentials: true }],
])('a route with %s in its origins is refused', (_what, cors) => {
  const route = { name: 'a', groups: [{ group: 'g' }] };
  expect(routeSchema.safeParse({ ...route, cors }).success).toBe(false);
  expect(routeSchema.parse({ ...route, cors: { origins: ['HTTPS://App.test:8443'] } }).cors).toEqual({
    origins: ['https://app.test:8443'],
    credentials: false,
  });
});
