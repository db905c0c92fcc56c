import { expect, test } from 'vitest';
import { ROLES, type Role } from '../../router-core/config/identities.ts';
import { apiHere, type ApiClient } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly role: Role;
}

/** All that takes a token, as the API itself describes it. */
async function operationsOf(api: ApiClient): Promise<Operation[]> {
  const { body } = await api.get('/openapi.json', { token: null });
  const { paths } = body as {
    paths: Record<string, Record<string, { 'x-role': Role; security?: object[] }>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(() => path.startsWith('/v1/'))
      .map(([method, operation]) => {
        expect(operation.security, `${method} ${path}`).toEqual([{ adminToken: [] }]);
        return { method: method.toUpperCase(), path, role: operation['x-role'] };
      }),
  );
}

/** Asks for what cannot be done, so that nothing changes: whoever may do it hears about that. */
async function statusFor(api: ApiClient, { method, path }: Operation, token: string | null): Promise<number> {
  const hasBody = !['GET', 'DELETE'].includes(method);
  const response = await fetch(api.url + path.replace('{name}', 'none').replace('{id}', 'a-1'), {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: '{"groups": "none of these"}' } : {}),
  });
  await response.body?.cancel();
  return response.status;
}

test('every endpoint lets in who has its role or a higher one, and nobody else', async () => {
  const api = await apiHere((await redisHere()).url);
  const operations = await operationsOf(api);
  expect(operations.length).toBeGreaterThan(50);
  const clients = new Map<Role, ApiClient>();
  for (const role of ROLES) clients.set(role, await api.admin(role));
  const wrong: string[] = [];
  for (const operation of operations) {
    expect(ROLES).toContain(operation.role);
    const rank = ROLES.indexOf(operation.role);
    const anonymous = await statusFor(api, operation, null);
    if (anonymous !== 401) wrong.push(`${operation.method} ${operation.path} without a token: ${anonymous}`);
    for (const [role, { token }] of clients) {
      const status = await statusFor(api, operation, token);
      const expected = ROLES.indexOf(role) < rank ? status === 403 : [200, 404, 422].includes(status);
      if (!expected) wrong.push(`${operation.method} ${operation.path} as ${role}: ${status}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('viewers read, operators change, and only admins make admins and apply documents', async () => {
  const api = await apiHere((await redisHere()).url);
  const roleOf = new Map(
    (await operationsOf(api)).map(({ method, path, role }) => [`${method} ${path}`, role]),
  );
  for (const [operation, role] of roleOf) {
    if (operation.startsWith('GET ')) expect([operation, role]).toEqual([operation, 'viewer']);
  }
  expect(roleOf.get('POST /v1/apps/{name}/rotate')).toBe('operator');
  expect(roleOf.get('DELETE /v1/requests/{id}')).toBe('operator');
  for (const operation of [
    'POST /v1/admins',
    'PATCH /v1/admins/{name}',
    'POST /v1/admins/{name}/rotate',
    'PUT /v1/config',
  ]) {
    expect([operation, roleOf.get(operation)]).toEqual([operation, 'admin']);
  }
});

test('everybody can ask who they are', async () => {
  const api = await apiHere((await redisHere()).url);
  const tokenId = (token: string) => token.split('_')[2];
  for (const role of ROLES) {
    const { token } = await api.admin(role, `a-${role}`);
    expect((await api.as(token).get('/v1/me')).body).toEqual({
      name: `a-${role}`,
      role,
      tokenId: tokenId(token),
      expiresAt: null,
    });
  }
  const root = { name: 'root', role: 'admin', tokenId: tokenId(api.token), expiresAt: null };
  expect((await api.get('/v1/me')).body).toEqual(root);

  // A token ends with its admin, or by itself when it has been replaced: whatever is first.
  const expiresAt = '2100-01-01T00:00:00.000Z';
  const first = api.as(await api.create('admin', { name: 'guest', role: 'viewer', expiresAt }));
  expect((await first.get('/v1/me')).body).toMatchObject({ name: 'guest', expiresAt });
  await api.post('/v1/admins/guest/rotate', { graceMs: 3_600_000 });
  const { body } = await first.get('/v1/me');
  expect(Date.parse((body as { expiresAt: string }).expiresAt)).toBeLessThan(Date.now() + 3_600_001);
  expect((await api.get('/v1/me', { token: null })).status).toBe(401);
});

test('an admin cannot lock itself out', async () => {
  const api = await apiHere((await redisHere()).url);
  const me = await api.admin('admin', 'me');
  const attempts = [
    await me.delete('/v1/admins/me'),
    await me.patch('/v1/admins/me', { role: 'operator' }),
    await me.patch('/v1/admins/me', { expiresAt: '2020-01-01T00:00:00Z' }),
    await me.post('/v1/admins/me/revoke'),
    await me.put('/v1/config', { ...((await me.get('/v1/config')).body as object), admins: [] }),
  ];
  expect(attempts.map(({ status }) => status)).toEqual([409, 409, 409, 409, 409]);
  // Another one may, and then it is over at once.
  expect((await api.delete('/v1/admins/me')).status).toBe(204);
  expect((await me.get('/v1/groups')).status).toBe(401);
});

test('keys in headers that routes set are for those who may change them', async () => {
  const api = await apiHere((await redisHere()).url);
  const viewer = await api.admin('viewer');
  const operator = await api.admin('operator');
  const route = {
    match: { path: '/a' },
    groups: [{ group: 'default' }],
    setHeaders: { 'x-key': 'hidden-key' },
  };
  await api.create('route', { name: 'keyed', ...route });
  for (const path of ['/v1/routes/keyed', '/v1/routes', '/v1/config']) {
    expect((await operator.get(path)).text).toContain('hidden-key');
    const masked = (await viewer.get(path)).text;
    expect(masked).not.toContain('hidden-key');
    expect(masked).toContain('"x-key":"***"');
  }
  // A document that a viewer has read does not overwrite the values that were masked in it.
  const { body: seen } = await viewer.get('/v1/config');
  const refused = await api.put('/v1/config', seen);
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('give the value itself')]);
  await operator.patch('/v1/routes/keyed', { setHeaders: { 'x-key': 'other-key' } });
  const audit = (await api.get('/v1/audit')).text;
  expect(audit).toContain('setHeaders.x-key');
  expect(audit).not.toMatch(/hidden-key|other-key/);
});
