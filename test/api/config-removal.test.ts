import { expect, test } from 'vitest';
import { apiHere, problemOf, type Answer, type ApiClient } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

// A document that says nothing, or that takes most of what there is, is hardly ever meant.

const EMPTY_LISTS = { groups: [], routes: [], apps: [], agents: [], admins: [] };
const detailOf = ({ body }: Answer) => (body as { detail: string }).detail;
const versionOf = async (api: ApiClient) => (await api.get('/v1/config')).headers.get('etag');

/** `group a0`, …: so many beside the group and the route of a fresh install. */
async function start(groups: number): Promise<ApiClient> {
  const api = await apiHere((await redisHere()).url);
  for (let i = 0; i < groups; i++) await api.create('group', { name: `a${i}` });
  return api;
}

test('a document that is empty is refused, however that is written', async () => {
  const api = await start(9);
  const before = await versionOf(api);
  const headers = { 'content-type': 'application/json' };
  for (const query of ['', '?dryRun=true', '?yesDelete=11']) {
    for (const body of [undefined, '', ' \n\t', 'null', '{}', ' { \n } ']) {
      const answer = await api.call('PUT', `/v1/config${query}`, { body, headers });
      expect(problemOf(answer)).toEqual({ status: 422, code: 'invalid' });
      expect(detailOf(answer)).toContain('To remove everything, send empty lists');
    }
  }
  expect(problemOf(await api.call('PUT', '/v1/config')).status).toBe(422);
  expect(await versionOf(api)).toBe(before);
});

test('what removes more than half of the objects needs their number, and the refusal says which', async () => {
  const api = await start(4);
  const half = { ...EMPTY_LISTS, groups: ['a0', 'a1'].map((name) => ({ name })) };
  const refused = await api.put('/v1/config', half);
  expect(problemOf(refused)).toEqual({ status: 409, code: 'unconfirmed' });
  expect(detailOf(refused)).toBe(
    'This removes 4 of the 6 objects: group default, group a2, group a3, route default. ' +
      'To confirm it, pass yesDelete=4',
  );
  const wrong = await api.put('/v1/config?yesDelete=3', half);
  expect([problemOf(wrong).code, detailOf(wrong)]).toEqual([
    'unconfirmed',
    expect.stringMatching(/group a2.*pass yesDelete=4, not 3$/) as string,
  ]);
  for (const value of ['', 'all', '-1', '4.0', '1e1']) {
    const answer = await api.put(`/v1/config?yesDelete=${value}`, half);
    expect(problemOf(answer)).toEqual({ status: 422, code: 'invalid', paths: ['yesDelete'] });
  }
  expect((await api.put('/v1/config?dryRun=true', half)).body).toMatchObject({ toConfirm: 4 });
  expect((await api.get('/v1/groups/a3')).status).toBe(200);
  expect((await api.put('/v1/config?yesDelete=4', half)).status).toBe(200);
  expect((await api.get('/v1/groups/a3')).status).toBe(404);
});

test('half of them, and few of few, go without; a number that is given must be right all the same', async () => {
  const api = await start(4);
  const names = ['default', 'a0', 'a1'];
  const document = { ...EMPTY_LISTS, groups: names.map((name) => ({ name })) };
  expect((await api.put('/v1/config?dryRun=true', document)).body).toMatchObject({ toConfirm: 0 });
  expect(detailOf(await api.put('/v1/config?yesDelete=1', document))).toContain('yesDelete=3, not 1');
  expect((await api.put('/v1/config', document)).status).toBe(200);
  expect(detailOf(await api.put('/v1/config?yesDelete=1', document))).toContain('This removes no object');
  const one = { ...EMPTY_LISTS, groups: [{ name: 'default' }] };
  expect((await api.put('/v1/config', one)).status).toBe(200);
});

test('everything can be removed, when its number is said', async () => {
  const api = await start(0);
  const refused = await api.put('/v1/config', EMPTY_LISTS);
  expect(detailOf(refused)).toContain('This removes 2 of the 2 objects: group default, route default');
  expect(problemOf(await api.put('/v1/config', { groups: [] })).code).toBe('unconfirmed');
  expect((await api.put('/v1/config?yesDelete=2', EMPTY_LISTS)).status).toBe(200);
  expect((await api.get('/v1/config')).body).toEqual(EMPTY_LISTS);
});
