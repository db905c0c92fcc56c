import { expect, test } from 'vitest';
import { apiHere, problemOf } from '../support/api.ts';
import { newToken } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';

// The checks that every request passes.

test('what cannot be taken is refused with a problem document', async () => {
  const api = await apiHere((await redisHere()).url);
  const json = { 'content-type': 'application/json' };
  const cases = [
    [await api.get('/v1/nothing'), 404, 'not-found'],
    [await api.get('/nothing', { token: null }), 404, 'not-found'],
    [await api.delete('/v1/status'), 405, 'method-not-allowed'],
    [await api.put('/v1/audit', {}), 405, 'method-not-allowed'],
    [await api.post('/v1/groups', '{"name":', { headers: json }), 400, 'bad-request'],
    [await api.post('/v1/groups', '[]', { headers: json }), 422, 'invalid'],
    [
      await api.post('/v1/groups', 'name=a', { headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported-media-type',
    ],
    [
      await api.post('/v1/groups', { name: 'a', description: 'x'.repeat(1024 * 1024) }),
      413,
      'body-too-large',
    ],
  ] as const;
  for (const [answer, status, code] of cases) {
    expect(problemOf(answer)).toMatchObject({ status, code });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('router-error')).toBe(code);
    expect(answer.body).toMatchObject({ type: 'about:blank', status, title: expect.any(String) as string });
  }
  expect(cases[2][0].headers.get('allow')).toContain('GET');
});

test('a whole configuration may be larger than what else is sent', async () => {
  const api = await apiHere((await redisHere()).url);
  const groups = Array.from({ length: 1_500 }, (_, i) => ({ name: `g${i}`, description: 'x'.repeat(900) }));
  const dryRun = await api.put('/v1/config?dryRun=true', { groups });
  expect([dryRun.status, (dryRun.body as { changes: object[] }).changes.length]).toEqual([200, 1_502]);
});

test('a revocation whose body is not JSON does not revoke all tokens', async () => {
  const api = await apiHere((await redisHere()).url);
  await api.create('app', { name: 'shop' });
  const headers = { 'content-type': 'text/plain' };
  const answer = await api.post('/v1/apps/shop/revoke', '{"tokenId":"x"}', { headers });
  expect(answer.status).toBe(415);
  expect((await api.get('/v1/apps/shop')).body).toMatchObject({ tokens: [{}] });
});

test('only the token of an admin opens it, in the one place where tokens belong', async () => {
  const api = await apiHere((await redisHere()).url);
  const app = await api.create('app', { name: 'shop' });
  const refused = [
    await api.get('/v1/groups', { token: null }),
    await api.get('/v1/groups', { token: app }),
    await api.get('/v1/groups', { token: newToken('admin').token }),
    await api.get('/v1/groups', { token: api.token.slice(0, -1) }),
    await api.get('/v1/groups', { token: null, headers: { 'router-token': api.token } }),
    await api.get(`/v1/groups?token=${api.token}`, { token: null }),
    await api.get('/v1/groups', { token: null, headers: { cookie: `token=${api.token}` } }),
  ];
  for (const answer of refused) {
    expect(problemOf(answer)).toEqual({ status: 401, code: 'unauthorized' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  }
  expect((await api.get('/v1/groups')).status).toBe(200);
});

test('ten wrong tokens in a minute close the door to an address, for right ones too', async () => {
  const api = await apiHere((await redisHere()).url);
  const guess = () => api.get('/v1/groups', { token: newToken('admin').token });
  for (let i = 0; i < 10; i++) expect((await guess()).status).toBe(401);
  for (const answer of [await guess(), await api.get('/v1/groups')]) {
    expect(problemOf(answer)).toEqual({ status: 429, code: 'too-many-requests' });
    const wait = Number(answer.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
  }
  // Whoever balances load needs no token.
  expect((await api.get('/ready', { token: null })).status).toBe(200);
  expect(api.lines.filter(({ msg, ip }) => msg === 'a wrong admin token' && ip === '127.0.0.1').length).toBe(
    10,
  );
});

test('requests without a token are no attempts', async () => {
  const api = await apiHere((await redisHere()).url);
  for (let i = 0; i < 20; i++) await api.get('/v1/groups', { token: null });
  expect((await api.get('/v1/groups')).status).toBe(200);
});

test('pages of other origins get nothing, unless theirs is allowed', async () => {
  const redis = await redisHere();
  const origin = 'https://admin.example.com';
  const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } };
  const ofOthers = (headers: Headers) =>
    [...headers.keys()].filter((name) => name.startsWith('access-control'));

  const closed = await apiHere(redis.url);
  expect(ofOthers((await closed.get('/v1/groups', { headers: { origin } })).headers)).toEqual([]);
  expect(ofOthers((await fetch(`${closed.url}/v1/groups`, preflight)).headers)).toEqual([]);

  const open = await apiHere(redis.url, { corsOrigins: [origin] });
  const allowed = await fetch(`${open.url}/v1/groups`, preflight);
  expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
  expect(allowed.headers.get('access-control-allow-headers')).toContain('Authorization');
  expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
  const other = await open.get('/v1/groups', { headers: { origin: 'https://evil.example.com' } });
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
});

test('no answer is kept, framed or taken for something else', async () => {
  const api = await apiHere((await redisHere()).url);
  for (const path of ['/v1/groups', '/v1/nothing', '/live', '/docs', '/openapi.json']) {
    const { headers } = await api.get(path);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('set-cookie')).toBeNull();
  }
});

test('who may not do something is told what to do, and nothing of what is stored', async () => {
  const api = await apiHere((await redisHere()).url);
  const detailOf = async (token: string | null) =>
    ((await api.get('/v1/status', { token })).body as { detail: string }).detail;
  expect(await detailOf(null)).toBe('Send the token of an admin as "Authorization: Bearer mr_admin_…"');
  expect(await detailOf(newToken('app').token)).toContain('This is the token of an app');
  const unknown = await detailOf(newToken('admin').token);
  expect(unknown).toContain('unknown here, was revoked, or has expired');
  const viewer = await api.admin('viewer');
  await api.delete('/v1/admins/viewer');
  expect(await detailOf(viewer.token)).toBe(unknown);

  const reader = await api.admin('viewer', 'reader');
  const { status, body } = await reader.post('/v1/groups', { name: 'a' });
  expect(status).toBe(403);
  expect(body).toMatchObject({
    detail:
      'This takes the role operator; yours is viewer. An admin can give you another one: router-cli admin set NAME --role operator',
  });
});
