import { expect, test } from 'vitest';
import { apiHere, problemOf, type Answer } from '../support/api.ts';
import { redisHere, withRedis } from '../support/parts.ts';

interface Shown {
  readonly id: string;
  readonly group: string;
  readonly at: string;
}

const itemsOf = ({ body }: Answer) => (body as { items: Shown[] }).items;

/** Two groups with dead requests, some of one and the same millisecond; test/faults/poison-request.test.ts makes a real one. */
async function start() {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.create('group', { name: 'other' });
  await withRedis(redis.url, async (client) => {
    const add = (group: string, entry: string, id: string) =>
      client.xadd(`mr:{${group}}:dead`, entry, 'm', `${id} 2 2 s h 1 1 -`, 'target', `/${id}`, 'why', 'lost');
    for (let i = 0; i < 5; i++) await add('default', `${1_000 + i}-0`, `h-a${i}`);
    for (let i = 0; i < 5; i++) await add('other', `${1_001 + i}-${i % 2}`, `h-b${i}`);
    await client.xadd('mr:{other}:dead', '18446744073709551614-0', 'x', 'from an agent');
  });
  return api;
}

const NEWEST_FIRST = ['', 'h-b4', 'h-b3', 'h-a4', 'h-a3', 'h-b2', 'h-b1', 'h-a2', 'h-a1', 'h-b0', 'h-a0'];

test('dead requests are listed page by page, newest first, whatever their entries hold', async () => {
  const api = await start();
  for (const limit of [1, 3, 100]) {
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const after = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
      const page = await api.get(`/v1/dead?limit=${limit}${after}`);
      expect(itemsOf(page).length).toBeLessThanOrEqual(limit);
      seen.push(...itemsOf(page).map(({ id }) => id));
      next = (page.body as { next: string | null }).next;
    }
    expect(seen).toEqual(NEWEST_FIRST);
  }
  const ofOne = itemsOf(await api.get('/v1/dead?group=default'));
  expect(ofOne.map(({ id }) => id)).toEqual(['h-a4', 'h-a3', 'h-a2', 'h-a1', 'h-a0']);
  expect(ofOne[0]).toEqual({
    id: 'h-a4',
    group: 'default',
    method: '',
    target: '/h-a4',
    attempts: 2,
    instance: null,
    hub: 'h',
    reason: 'lost',
    at: '1970-01-01T00:00:01.004Z',
  });
  expect(problemOf(await api.get('/v1/dead?after=x'))).toMatchObject({ status: 422, paths: ['after'] });
  for (const id of ['99999999999999999999-0', '0-18446744073709551616', '18446744073709551615-0']) {
    const answer = await api.get(`/v1/dead?after=default%20${id}`);
    expect(problemOf(answer)).toMatchObject({ status: 422, paths: ['after'] });
  }
  expect((await api.get('/v1/dead?after=default%200-0')).status).toBe(200);
});

test('an operator takes one off the list, and the audit log says who', async () => {
  const api = await start();
  const operator = await api.admin('operator', 'op');
  expect((await operator.delete('/v1/dead/default/h-a2')).body).toEqual({ id: 'h-a2', group: 'default' });
  expect(problemOf(await operator.delete('/v1/dead/default/h-a2'))).toEqual({
    status: 404,
    code: 'not-found',
  });
  expect((await operator.delete('/v1/dead/other/h-a1')).status).toBe(404);
  expect(itemsOf(await api.get('/v1/dead?group=default'))).toHaveLength(4);
  const { items } = (await api.get('/v1/audit?actor=op')).body as { items: object[] };
  expect(items).toMatchObject([{ action: 'forget', actor: { name: 'op' }, request: 'h-a2' }]);
  const viewer = await api.admin('viewer');
  expect((await viewer.delete('/v1/dead/default/h-a1')).status).toBe(403);
});
