import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { apiHere, problemOf, type ApiClient } from '../support/api.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let api: ApiClient;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** One of each kind, and a change of it that its schema refuses. */
const SAMPLES: Record<ObjectKind, { fields: Record<string, unknown>; wrong: object; at: string }> = {
  group: { fields: { description: 'first' }, wrong: { queue: { depth: -1 } }, at: 'queue.depth' },
  route: {
    fields: { match: { path: '/things/*' }, groups: [{ group: 'default' }] },
    wrong: { match: { path: 'things' } },
    at: 'match.path',
  },
  app: { fields: { groups: ['default'] }, wrong: { rate: { requests: 0 } }, at: 'rate.requests' },
  agent: { fields: { group: 'default' }, wrong: { scopes: ['a', 'a'] }, at: 'scopes[1]' },
  admin: { fields: { role: 'viewer' }, wrong: { role: 'owner' }, at: 'role' },
};

describe.each(OBJECT_KINDS)('a %s', (kind) => {
  const list = `/v1/${LIST_OF[kind]}`;
  const { fields, wrong, at } = SAMPLES[kind];
  const one = `${list}/thing`;

  /** It is there, and goes with the test. */
  async function start() {
    api = await apiHere(redis.url);
    const created = await api.post(list, { name: 'thing', ...fields });
    onTestFinished(async () => void (await api.delete(one)));
    return created;
  }

  test('is created, read, listed, replaced, changed and removed', async () => {
    const created = await start();
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(one);
    const { token: _, ...view } = created.body as Record<string, unknown>;
    const read = await api.get(one);
    expect(read.body).toEqual(view);
    expect(read.headers.get('etag')).toBe(`"${String(view['revision'])}"`);
    const { items } = (await api.get(list)).body as { items: object[] };
    expect(items).toContainEqual(view);

    const changed = await api.patch(one, { description: 'changed' });
    expect(changed).toMatchObject({ status: 200, body: { description: 'changed' } });
    expect((await api.get(one)).body).toEqual(changed.body);
    // The answer of GET may be sent back.
    const replaced = await api.put(one, { ...(changed.body as object), description: 'replaced' });
    expect(replaced).toMatchObject({ status: 200, body: { description: 'replaced' } });
    expect((await api.patch(one, { description: null })).body).toMatchObject({ description: '' });

    expect((await api.delete(one)).status).toBe(204);
    for (const answer of [await api.get(one), await api.delete(one), await api.patch(one, {})]) {
      expect(problemOf(answer)).toEqual({ status: 404, code: 'not-found' });
    }
    expect(problemOf(await api.put(one, { name: 'thing', ...fields }))).toMatchObject({ status: 404 });
  });

  test('is not written when something in it is wrong, and the answer says where', async () => {
    await start();
    const before = await api.get(one);
    const all = { name: 'thing', ...fields, ...wrong };
    for (const answer of [await api.post(list, all), await api.put(one, all), await api.patch(one, wrong)]) {
      expect(problemOf(answer)).toEqual({ status: 422, code: 'invalid', paths: [at] });
    }
    const unknown = await api.patch(one, { colour: 'red' });
    expect(problemOf(unknown)).toEqual({ status: 422, code: 'invalid', paths: ['colour'] });
    const renamed = await api.patch(one, { name: 'other' });
    expect(problemOf(renamed)).toEqual({ status: 422, code: 'invalid', paths: ['name'] });
    const named = await api.post(list, { ...fields, name: 'a/b' });
    expect(problemOf(named)).toMatchObject({ status: 422, paths: ['name'] });
    expect((await api.get(one)).body).toEqual(before.body);
  });

  test('is written only as it was read, when If-Match says so', async () => {
    const created = await start();
    const etag = created.headers.get('etag') ?? '';
    const known = await api.get(one, { headers: { 'if-none-match': etag } });
    expect([known.status, known.text, known.headers.get('etag')]).toEqual([304, '', etag]);

    const changed = await api.patch(one, { description: 'x' }, { headers: { 'if-match': etag } });
    expect(changed.status).toBe(200);
    const stale = { headers: { 'if-match': etag } };
    for (const answer of [
      await api.patch(one, { description: 'y' }, stale),
      await api.put(one, { name: 'thing', ...fields }, stale),
      await api.delete(one, stale),
    ]) {
      expect(problemOf(answer)).toEqual({ status: 412, code: 'stale' });
    }
    expect((await api.get(one)).body).toEqual(changed.body);
    const now = { headers: { 'if-match': `"other", ${changed.headers.get('etag')}` } };
    expect((await api.delete(one, now)).status).toBe(204);
  });

  test('is created only once; PUT with If-None-Match creates it, too', async () => {
    await start();
    const again = { name: 'thing', ...fields };
    expect(problemOf(await api.post(list, again))).toEqual({ status: 409, code: 'already-exists' });
    const onlyNew = { headers: { 'if-none-match': '*' } };
    expect(problemOf(await api.put(one, again, onlyNew))).toEqual({ status: 412, code: 'stale' });
    await api.delete(one);
    const created = await api.put(one, again, onlyNew);
    expect([created.status, created.headers.get('location')]).toEqual([201, one]);
  });
});

test('a list comes in pages, in the order of names', async () => {
  api = await apiHere(redis.url);
  const names = Array.from({ length: 7 }, (_, i) => `page-${i}`);
  for (const name of names.toReversed()) await api.create('group', { name });
  const seen: string[] = [];
  let next: string | null = 'page';
  while (next !== null) {
    const { body } = await api.get(`/v1/groups?limit=3&after=${next}`);
    const page = body as { items: { name: string }[]; next: string | null };
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map(({ name }) => name));
    next = page.next;
  }
  expect(seen).toEqual(names);
  for (const limit of ['0', '1001', 'x']) {
    expect(problemOf(await api.get(`/v1/groups?limit=${limit}`))).toMatchObject({
      status: 422,
      paths: ['limit'],
    });
  }
});
