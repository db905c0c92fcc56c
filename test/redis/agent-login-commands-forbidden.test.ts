import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentUrl, denialOf, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';

// The commands that a stolen token cannot run, even in its own group. Keys out of its reach:
// agent-login-keys-forbidden.test.ts.

let redis: GuardedRedis;
let url: string;
beforeAll(async () => {
  // Refused by nothing but the rules.
  redis = await startGuardedRedis(['--enable-debug-command', 'yes', '--enable-module-command', 'yes']);
  const login = newLogin('own');
  await provision(redis, [login]);
  url = agentUrl(redis, login);
});
afterAll(() => redis.stop());

const SERVER = [
  'FLUSHALL',
  'FLUSHDB',
  'SWAPDB 0 1',
  'SHUTDOWN NOSAVE',
  'SAVE',
  'BGSAVE',
  'BGREWRITEAOF',
  'LASTSAVE',
  'CONFIG GET *',
  'CONFIG GET requirepass',
  'CONFIG SET requirepass nothing',
  'CONFIG REWRITE',
  'CONFIG RESETSTAT',
  'DEBUG SLEEP 0',
  'DEBUG OBJECT mr:{own}:lanes',
  'MODULE LIST',
  'MODULE LOAD /tmp/none.so',
  'REPLICAOF NO ONE',
  'SLAVEOF NO ONE',
  'REPLCONF listening-port 1',
  'PSYNC ? -1',
  'SYNC',
  'FAILOVER',
  'ROLE',
  'WAIT 0 0',
  'CLUSTER INFO',
  'CLUSTER RESET',
  'READONLY',
  'LATENCY LATEST',
  'LATENCY RESET',
  'MEMORY STATS',
  'MEMORY USAGE mr:{own}:lanes',
  'MEMORY PURGE',
  'SLOWLOG GET',
  'SLOWLOG RESET',
  'COMMAND',
  'COMMAND GETKEYS GET x',
];

const PEOPLE = [
  'ACL LIST',
  'ACL USERS',
  'ACL WHOAMI',
  'ACL CAT',
  'ACL LOG',
  'ACL LOAD',
  'ACL SAVE',
  'ACL GENPASS',
  'ACL GETUSER default',
  'ACL SETUSER default nopass',
  'ACL SETUSER thief on nopass ~* +@all',
  'ACL DELUSER default',
  'ACL DRYRUN default GET x',
  'MONITOR',
  'CLIENT LIST',
  'CLIENT INFO',
  'CLIENT ID',
  'CLIENT KILL TYPE normal',
  'CLIENT KILL ID 1',
  'CLIENT PAUSE 1',
  'CLIENT UNPAUSE',
  'CLIENT UNBLOCK 1',
  'CLIENT TRACKING on',
  'CLIENT TRACKING on BCAST',
  'CLIENT NO-EVICT on',
  'CLIENT REPLY skip',
];

const DATA = [
  'KEYS *',
  'KEYS mr:{own}:*',
  'SCAN 0',
  'RANDOMKEY',
  'DBSIZE',
  'HSCAN mr:{own}:lanes 0',
  'SORT mr:{own}:permits BY nosort GET mr:{other}:*',
  'SORT_RO mr:{own}:permits BY nosort GET mr:{other}:*',
  'SET mr:{own}:lanes x',
  'DEL mr:{own}:lanes',
  'UNLINK mr:{own}:lanes',
  'RENAME mr:{own}:lanes mr:{own}:other',
  'MOVE mr:{own}:lanes 1',
  'COPY mr:{own}:lanes mr:{own}:other',
  'DUMP mr:{own}:lanes',
  'RESTORE mr:{own}:other 0 x',
  'MIGRATE 127.0.0.1 1 mr:{own}:lanes 0 1',
  'OBJECT ENCODING mr:{own}:lanes',
  'TYPE mr:{own}:lanes',
  'XREAD STREAMS mr:{own}:lane:0 0',
  'XAUTOCLAIM mr:{own}:lane:0 agents thief 0 0',
  'XINFO STREAM mr:{own}:lane:0',
  'XGROUP DESTROY mr:{own}:lane:0 agents',
  'XGROUP SETID mr:{own}:lane:0 agents 0',
  'DISCARD',
  'XREVRANGE mr:{own}:lane:0 + -',
  'WATCH mr:{own}:lanes',
  'SUBSCRIBE mr:{own}:hub:h',
  'PSUBSCRIBE mr:{own}:*',
  'PUBLISH mr:{own}:hub:h x',
  'PUBSUB CHANNELS',
  'PUBSUB SHARDCHANNELS',
];

const SCRIPTS = [
  'EVAL x 0',
  'SCRIPT LOAD x',
  'SCRIPT FLUSH',
  'SCRIPT KILL',
  'SCRIPT EXISTS x',
  'FUNCTION LOAD x',
  'FUNCTION LIST',
  'FUNCTION FLUSH',
  'FUNCTION DELETE x',
  'FUNCTION DUMP',
  'FCALL x 0',
  'FCALL_RO x 0',
  'EVAL_RO x 0',
  'EVALSHA_RO x 0',
];

describe('the server', () => {
  test.each(SERVER)('%s', async (command) => {
    expect(await denialOf(url, command)).toContain('no permissions to run');
    expect(await denialOf(url, command, 'in a script')).toBeDefined();
  });
});

describe('other users and connections', () => {
  test.each(PEOPLE)('%s', async (command) => {
    expect(await denialOf(url, command)).toContain('no permissions to run');
    expect(await denialOf(url, command, 'in a script')).toBeDefined();
  });
});

describe('data, even its own, in other ways than agents use', () => {
  test.each(DATA)('%s', async (command) => {
    expect(await denialOf(url, command)).toContain('no permissions to run');
    expect(await denialOf(url, command, 'in a script')).toBeDefined();
  });
});

describe('code for others to run', () => {
  test.each(SCRIPTS)('%s', async (command) => {
    expect(await denialOf(url, command)).toContain('no permissions to run');
    expect(await denialOf(url, command, 'in a script')).toBeDefined();
  });

  test('a loop without end is not even begun', async () => {
    const endless = withRedis(url, (client) => client.call('EVAL', 'while true do end', '0'));
    await expect(endless).rejects.toThrow(/^NOPERM/);
  });
});

describe('somebody else', () => {
  const asDefault = ['AUTH default wrong', 'AUTH wrong', 'HELLO 2 AUTH default wrong'];
  test.each(asDefault)('%s', async (command) => {
    const [name = '', ...args] = command.split(' ');
    await expect(withRedis(url, (client) => client.call(name, ...args))).rejects.toThrow(/^WRONGPASS/);
  });

  test('RESET, which anybody may send, ends in nobody', async () => {
    await withRedis(url, async (client) => {
      await client.call('RESET');
      await expect(client.call('INFO')).rejects.toThrow(/^NOAUTH/);
    });
  });
});
