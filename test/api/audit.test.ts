import { expect, test } from 'vitest';
import { parseToken } from '../../router-core/config/token.ts';
import { apiHere, problemOf, type Answer } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly version: number;
  readonly actor: object;
  readonly changes: { readonly kind: string; readonly name: string; readonly fields?: unknown[] }[];
}

const entriesOf = ({ body }: Answer) => (body as { items: Entry[] }).items;

test('says who has changed what, when and from where, newest first', async () => {
  const api = await apiHere((await redisHere()).url);
  const eve = await api.admin('operator', 'eve');
  await eve.create('group', { name: 'gpu' });
  const { version } = (await api.get('/v1/status')).body as { version: number };
  await eve.patch('/v1/groups/gpu', { concurrency: 4 });
  await eve.post('/v1/groups/gpu/pause');
  await eve.create('app', { name: 'shop' });
  await eve.post('/v1/apps/shop/rotate');
  await eve.post('/v1/apps/shop/revoke');
  await eve.put('/v1/groups/gpu', { name: 'gpu' });
  await eve.delete('/v1/groups/gpu');
  // Requests that change nothing, or are refused, leave no entry.
  await eve.patch('/v1/apps/shop', {});
  await eve.delete('/v1/groups/default');
  await eve.create('app', { name: 'shop' }).catch(() => undefined);

  const entries = entriesOf(await api.get('/v1/audit'));
  const said = entries.map(({ action, changes }) => [action, changes[0]?.kind, changes[0]?.name]);
  expect(said).toEqual([
    ['remove', 'group', 'gpu'],
    ['replace', 'group', 'gpu'],
    ['revoke', 'app', 'shop'],
    ['rotate', 'app', 'shop'],
    ['create', 'app', 'shop'],
    ['pause', 'group', 'gpu'],
    ['update', 'group', 'gpu'],
    ['create', 'group', 'gpu'],
    ['create', 'admin', 'eve'],
  ]);
  const [, , , rotated, , paused, updated, created, first] = entries;
  const eveIs = { name: 'eve', tokenId: parseToken(eve.token)?.id, ip: '127.0.0.1' };
  expect(created).toMatchObject({ actor: eveIs, version, changes: [{ change: 'added' }] });
  expect(Math.abs(Date.parse(created?.at ?? '') - Date.now())).toBeLessThan(20_000);
  expect(updated?.changes[0]?.fields).toEqual([['concurrency', 0, 4]]);
  expect(paused?.changes[0]?.fields).toEqual([['paused', false, true]]);
  expect(rotated?.changes[0]?.fields).toMatchObject([
    ['tokens', [{ expiresAt: null }], [{ expiresAt: null }]],
  ]);
  expect(first?.actor).toMatchObject({ name: 'root' });
});

test('can be filtered, and comes in pages', async () => {
  const api = await apiHere((await redisHere()).url);
  const eve = await api.admin('operator', 'eve');
  for (let i = 0; i < 5; i++) await (i % 2 ? eve : api).create('group', { name: `g${i}` });
  await api.create('app', { name: 'g1' });
  const count = async (query: string) => entriesOf(await api.get(`/v1/audit?${query}`)).length;
  expect([
    await count('actor=eve'),
    await count('kind=group'),
    await count('name=g1'),
    await count('kind=group&name=g1'),
    await count('kind=route'),
  ]).toEqual([2, 5, 2, 1, 0]);

  const seen: string[] = [];
  let after = '';
  for (;;) {
    const { items, next } = (await api.get(`/v1/audit?kind=group&limit=2${after}`)).body as {
      items: Entry[];
      next: string | null;
    };
    expect(items.length).toBeLessThanOrEqual(2);
    seen.push(...items.map(({ changes }) => changes[0]?.name ?? ''));
    if (next === null) break;
    after = `&after=${next}`;
  }
  expect(seen).toEqual(['g4', 'g3', 'g2', 'g1', 'g0']);
  for (const [query, path] of [
    ['after=x', 'after'],
    ['after=', 'after'],
    ['after=1-', 'after'],
    ['after=1-2-3', 'after'],
    ['after=99999999999999999999-0', 'after'],
    ['after=0-18446744073709551616', 'after'],
    ['after=18446744073709551615-0', 'after'],
    ['kind=thing', 'kind'],
    ['limit=0', 'limit'],
  ]) {
    expect(problemOf(await api.get(`/v1/audit?${query}`))).toEqual({
      status: 422,
      code: 'invalid',
      paths: [path],
    });
  }
});

test('a page may begin at the edges of what an id can be', async () => {
  const api = await apiHere((await redisHere()).url);
  await api.create('group', { name: 'gpu' });
  const page = async (after: string) => {
    const { status, body } = await api.get(`/v1/audit?after=${after}`);
    return [status, (body as { items: object[]; next: string | null }).items.length];
  };
  for (const id of ['0-0', '00-000', '0-1', '1-0', '1-18446744073709551615']) {
    expect(await page(id)).toEqual([200, 0]);
  }
  expect(await page('18446744073709551614-18446744073709551615')).toEqual([200, 1]);
});
