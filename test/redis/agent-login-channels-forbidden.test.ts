import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentUrl, denialOf, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis } from '../support/agent-logins.ts';

// Whom a stolen token cannot listen to, and whom it cannot ring.

let redis: GuardedRedis;
let url: string;
beforeAll(async () => {
  redis = await startGuardedRedis();
  const login = newLogin('own');
  await provision(redis, [login]);
  url = agentUrl(redis, login);
});
afterAll(() => redis.stop());

const CHANNELS = [
  'SSUBSCRIBE mr:{other}:hub:h',
  'SSUBSCRIBE mr:{other}:instance:i',
  'SSUBSCRIBE mr:{own}:instance:i mr:{other}:instance:i',
  'SSUBSCRIBE mr:{*}:hub:h',
  'SSUBSCRIBE mr:changes',
  'SPUBLISH mr:{other}:hub:h forged',
  'SPUBLISH mr:{other}:instance:i forged',
  'SPUBLISH mr:{own2}:hub:h forged',
  'SPUBLISH mr:changes forged',
  'SUBSCRIBE mr:changes',
  'PSUBSCRIBE mr:*',
  'PSUBSCRIBE *',
  'PUBLISH mr:changes forged',
  'PUBLISH mr:{other}:hub:h forged',
];

test.each(CHANNELS)('%s', async (command) => {
  expect(await denialOf(url, command)).toMatch(/channel|run the '(p?subscribe|publish)' command/);
});
test.each(CHANNELS)('%s, in a script', async (command) => {
  expect(await denialOf(url, command, 'in a script')).toMatch(/channel|run th|not allowed from script/);
});
test.each(['SSUBSCRIBE mr:{own}:instance:i', 'SPUBLISH mr:{own}:hub:h x'])(
  '%s is what agents do',
  async (command) => {
    expect(await denialOf(url, command)).toBeUndefined();
  },
);
