import { expect, test } from 'vitest';
import { agentAclRules } from '../../router-core/redis/control/logins/agent-acl.ts';
import { MovedTokens } from '../../router-core/redis/control/logins/moved-tokens.ts';

const token = (group: string, tokenId = 'a') => ({ tokenId, sha256: '0'.repeat(64), group });

test('a token that is moved reaches its old group for another minute, and no longer', () => {
  const moved = new MovedTokens();
  expect(moved.loginsOf([token('old'), token('old', 'b')], 0)).toEqual([token('old'), token('old', 'b')]);
  expect(moved.nextEndMs).toBe(Infinity);

  const leaving = { ...token('new'), formerGroup: 'old' };
  expect(moved.loginsOf([token('new'), token('old', 'b')], 1_000)).toEqual([leaving, token('old', 'b')]);
  expect(moved.nextEndMs).toBe(61_000);
  expect(moved.loginsOf([token('new')], 60_999)).toEqual([leaving]);
  expect(moved.loginsOf([token('new')], 61_000)).toEqual([token('new')]);
  expect(moved.nextEndMs).toBe(Infinity);
});

test('a token that is moved on or back reaches the last two groups', () => {
  const moved = new MovedTokens();
  moved.loginsOf([token('one')], 0);
  moved.loginsOf([token('two')], 1);
  expect(moved.loginsOf([token('three')], 2)).toEqual([{ ...token('three'), formerGroup: 'two' }]);
  expect(moved.loginsOf([token('two')], 3)).toEqual([{ ...token('two'), formerGroup: 'three' }]);
});

test('a token that was revoked has no former group when its id comes again', () => {
  const moved = new MovedTokens();
  moved.loginsOf([token('old')], 0);
  moved.loginsOf([], 1);
  expect(moved.loginsOf([token('new')], 2)).toEqual([token('new')]);
});

test('the login of a token that was moved may use the keys and channels of both groups, and nothing else', () => {
  const rules = agentAclRules({ ...token('new'), formerGroup: 'old' });
  expect(rules.filter((rule) => /^[~&%]/.test(rule))).toEqual([
    ...['~mr:{new}:*', '~mr:{old}:*', '%R~mr:{agent:a}:*', '&mr:{new}:*', '&mr:{old}:*'],
  ]);
  expect(() => agentAclRules({ ...token('new'), formerGroup: '*' })).toThrow('not a group name');
});
