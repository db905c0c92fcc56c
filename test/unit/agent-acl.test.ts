import { describe, expect, test } from 'vitest';
import { createToken } from '../../router-core/config/token.ts';
import { agentUser, loginOfToken } from '../../router-core/redis/connection/agent-user.ts';
import { agentAclRules } from '../../router-core/redis/control/logins/agent-acl.ts';
import { readScript } from '../../router-core/redis/connection/run-script.ts';
import { AGENT_SCRIPTS } from '../../router-core/redis/scripts/agent-scripts.ts';

const LOGIN = { tokenId: 'abc', sha256: 'a1'.repeat(32), group: 'llama-3.1_x' };
const SUBCOMMANDS = /\b(?:XGROUP|XINFO|CLIENT|OBJECT|SCRIPT)\b/;

/** The commands that the scripts of agents call, in the words of rules. */
function calledByScripts(): string[] {
  const called = new Set<string>();
  for (const name of AGENT_SCRIPTS) {
    for (const [, command = '', next] of readScript(name).source.matchAll(
      /redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?/g,
    )) {
      called.add((SUBCOMMANDS.test(command) ? `${command}|${next}` : command).toLowerCase());
    }
  }
  return [...called].sort();
}

const allowed = () =>
  agentAclRules(LOGIN)
    .filter((rule) => rule.startsWith('+'))
    .map((rule) => rule.slice(1));

describe('the rules of an agent', () => {
  test('allow what its scripts call', () => {
    expect(calledByScripts().length).toBeGreaterThan(20);
    // To be allowed in agent-acl.ts: agents with a token cannot run this otherwise.
    expect(calledByScripts().filter((command) => !allowed().includes(command))).toEqual([]);
  });

  test('allow nothing else than that and what its connections send', () => {
    const sent = ['client|setname', 'evalsha', 'exec', 'get', 'info', 'multi', 'select'];
    const asked = ['cluster|slots', 'ssubscribe', 'xreadgroup'];
    const known = new Set([...sent, ...asked, ...calledByScripts()]);
    expect(allowed().filter((command) => !known.has(command))).toEqual([]);
    expect(new Set(allowed()).size).toBe(allowed().length);
  });

  test('begin with nothing and name one group and one record', () => {
    expect(agentAclRules(LOGIN).filter((rule) => !rule.startsWith('+'))).toEqual([
      'reset',
      'on',
      `#${LOGIN.sha256}`,
      '~mr:{llama-3.1_x}:*',
      '%R~mr:{agent:abc}:*',
      '&mr:{llama-3.1_x}:*',
      '-@all',
    ]);
  });

  test.each([
    { group: '*' },
    { group: 'a}:b' },
    { group: '' },
    { tokenId: '*' },
    { tokenId: 'a}' },
    { sha256: 'A1' },
  ])('are not made from %j, which could widen them', (changed) => {
    expect(() => agentAclRules({ ...LOGIN, ...changed })).toThrow(/^not /);
  });
});

describe('a token', () => {
  test('is a login', () => {
    const { token, stored } = createToken('agent', '2026-01-01T00:00:00Z');
    expect(loginOfToken(token)).toEqual({ username: agentUser(stored.id), password: token });
  });

  test.each(['app', 'admin'] as const)('of an %s is not one, and is not repeated', (kind) => {
    const { token } = createToken(kind, '2026-01-01T00:00:00Z');
    expect(() => loginOfToken(token)).toThrow(/^not an agent token: mr_agent_<id>_<secret>_<checksum>$/);
  });
});
