import { expect, test } from 'vitest';
import { groupKeys, CONFIG_KEYS } from '../../router-core/redis/scripts/keys.ts';
import { apiHere } from '../support/api.ts';
import { guardedRedisHere, urlAs } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';
import { thiefWith } from './support/thief.ts';

interface Logs {
  readonly items: {
    readonly group: string | null;
    readonly message: string;
    readonly agent: string | null;
  }[];
  readonly errors?: { readonly group: string; readonly message: string }[];
}

/** A row as agents write it. */
function rowWith(message: string, more: object = {}): string {
  const problem = { time: new Date().toISOString(), level: 'error', message, ...more };
  return JSON.stringify({ name: 'box', agent: 'honest', problems: [problem] });
}

test('a thief lies in the log of its own group only, and sends nothing that a terminal obeys', async () => {
  const redis = await guardedRedisHere();
  const api = await apiHere(redis.adminUrl);
  const [own, other] = ['beta', 'alpha'];
  for (const name of [own, other]) await api.create('group', { name });
  const token = await api.create('agent', { name: 'stolen', group: own });
  const user = token.split('_').slice(0, 3).join('_');
  const login = { token, user, group: own, tokenId: user.slice('mr_agent_'.length), sha256: '' };
  const thief = thiefWith(urlAs(redis, user, token), login);
  const logs = async () => (await api.get('/v1/logs')).body as Logs;
  await withRedis(redis.adminUrl, async (client) => {
    await client.hset(groupKeys(other).log, `honest.1 ${Date.now()}`, rowWith('the truth'));
  });
  for (const key of [groupKeys(other).log, CONFIG_KEYS.log]) {
    await expect(thief.client.hset(key, 'thief 1', rowWith('a lie'))).rejects.toThrow('NOPERM');
  }
  const escape = '\u001b]0;owned\u0007\u009b31m\u202elie';
  const more = { group: other, source: 'hub', error: escape, about: { upstream: escape, '\u001b[2J': 'x' } };
  await thief.client.hset(thief.keys.log, `honest.1 ${Date.now()}`, rowWith(escape, more));
  await thief.client.hset(thief.keys.log, 'no JSON', '{');
  const { items, errors } = await logs();
  expect(errors).toBeUndefined();
  expect(items).toHaveLength(2);
  expect(new Set(items.map(({ group }) => group))).toEqual(new Set([own, other]));
  expect(items.find(({ group }) => group === other)?.message).toBe('the truth');
  expect(JSON.stringify(items)).not.toMatch(/\\u001b|[\p{Cc}\u202e]/u);

  // More than agents write is read by nobody, and others see no less for it.
  await thief.client.hset(thief.keys.log, 'big 1', 'x'.repeat(20 * 1024 * 1024));
  const afterwards = await logs();
  expect(afterwards.items.map(({ message }) => message)).toEqual(['the truth']);
  expect(afterwards.errors).toMatchObject([{ group: own }]);
  await thief.client.pexpire(thief.keys.log, 1);
  await expect.poll(() => thief.client.xadd(thief.keys.log, '*', 'a', 'b').catch(() => '')).not.toBe('');
  const last = await logs();
  expect(last.errors?.[0]?.message).toContain('WRONGTYPE');
  expect(last.items).toHaveLength(1);
}, 30_000);
