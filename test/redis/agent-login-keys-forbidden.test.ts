import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG_KEYS, groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { loadScript } from '../../router-core/redis/connection/run-script.ts';
import { agentUrl, denialOf, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis, TestLogin, Way } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';

// The keys that a stolen token cannot reach: with the very commands that agents need, plainly and from scripts.

let redis: GuardedRedis;
let login: TestLogin;
let url: string;
let before: string[];
beforeAll(async () => {
  redis = await startGuardedRedis();
  login = newLogin('own');
  await provision(redis, [login, newLogin('other')]);
  url = agentUrl(redis, login);
  await fill();
  before = await contents();
});
afterAll(() => redis.stop());

/** Every kind of key, of another group and of the configuration. */
async function fill(): Promise<void> {
  await withRedis(redis.adminUrl, async (client) => {
    for (const group of ['own', 'other']) {
      await client.xgroup('CREATE', `mr:{${group}}:lane:0`, 'agents', '0', 'MKSTREAM');
      for (const stream of ['lane:0', 'waiting', 'redelivery', 'dead', 'up:id', 'down:id:1'])
        await client.xadd(`mr:{${group}}:${stream}`, '*', 'm', 'secret');
      for (const hash of ['lanes', 'slots', 'agent-slots', 'reports', 'settings'])
        await client.hset(`mr:{${group}}:${hash}`, 'x', '1');
      for (const zset of ['permits', 'instances', 'hubs']) await client.zadd(`mr:{${group}}:${zset}`, 1, 'x');
    }
    for (const kind of ['groups', 'routes', 'apps', 'agents', 'admins'])
      await client.hset(`mr:{/config}:${kind}`, 'x', 'secret');
    await client.xadd('mr:{/config}:audit', '*', 'm', 'secret');
    await client.set('mr:{/config}:version', '1');
    for (const id of [login.tokenId, 'someoneelse']) await client.set(`mr:{agent:${id}}:group`, 'own');
  });
}

/** All keys outside of the agent's own group. */
async function contents(): Promise<string[]> {
  return withRedis(redis.adminUrl, async (client) => {
    const keys = (await client.keys('*')).filter((key) => !key.startsWith('mr:{own}:')).sort();
    return Promise.all(keys.map(async (key) => `${key} ${(await client.dumpBuffer(key))?.toString('hex')}`));
  });
}

const OF_A_GROUP = [
  'XREADGROUP GROUP agents thief COUNT 1 STREAMS mr:{other}:lane:0 >',
  'XREADGROUP GROUP agents thief COUNT 1 STREAMS mr:{other}:lane:0 0',
  'XADD mr:{other}:lane:0 * m forged p forged',
  'XRANGE mr:{other}:lane:0 - +',
  'XPENDING mr:{other}:lane:0 agents - + 10',
  'XCLAIM mr:{other}:lane:0 agents thief 0 1-0',
  'XACK mr:{other}:lane:0 agents 1-0',
  'XDEL mr:{other}:lane:0 1-0',
  'XGROUP CREATE mr:{other}:lane:0 thieves 0',
  'XGROUP DELCONSUMER mr:{other}:lane:0 agents x',
  'XLEN mr:{other}:lane:0',
  'XADD mr:{other}:waiting * m forged p forged',
  'XRANGE mr:{other}:waiting - +',
  'XTRIM mr:{other}:waiting MINID 9-0',
  'XADD mr:{other}:redelivery * m forged p forged',
  'XRANGE mr:{other}:redelivery - +',
  'HMGET mr:{other}:lanes x',
  'HINCRBY mr:{other}:lanes x 1',
  'HGET mr:{other}:slots x',
  'HSET mr:{other}:slots thief 1',
  'HVALS mr:{other}:agent-slots',
  'HINCRBY mr:{other}:agent-slots x 1',
  'HVALS mr:{other}:reports',
  'HVALS mr:{other}:log',
  'HSET mr:{other}:log x forged',
  'GET mr:{other}:linked:x',
  'HSET mr:{other}:linked:x x forged',
  'HDEL mr:{other}:reports x',
  'ZADD mr:{other}:permits 1 forged',
  'ZREM mr:{other}:permits x',
  'ZCARD mr:{other}:permits',
  'ZADD mr:{other}:instances 9999999999999 thief',
  'ZSCORE mr:{other}:instances x',
  'ZADD mr:{other}:hubs 1 x',
  'ZSCORE mr:{other}:hubs x',
  'HMGET mr:{other}:settings concurrency lease',
  'HSET mr:{other}:settings lease 1',
  'XRANGE mr:{other}:dead - +',
  'XADD mr:{other}:dead * m forged',
  'XRANGE mr:{other}:up:id - +',
  'XADD mr:{other}:up:id * f forged',
  'PEXPIRE mr:{other}:up:id 1',
  'XRANGE mr:{other}:down:id:1 - +',
  'XADD mr:{other}:down:id:1 * f forged',
  'PEXPIRE mr:{other}:down:id:1 1',
];

const OF_NO_GROUP = [
  'GET mr:{/config}:link-key',
  'HVALS mr:{/config}:log',
  'HSET mr:{/config}:log x forged',
  'HSET mr:{/config}:link-key x forged',
  'HVALS mr:{/config}:groups',
  'HSET mr:{/config}:groups x forged',
  'HVALS mr:{/config}:routes',
  'HDEL mr:{/config}:routes x',
  'HGET mr:{/config}:apps x',
  'HSET mr:{/config}:apps x forged',
  'HVALS mr:{/config}:agents',
  'HSET mr:{/config}:agents x forged',
  'HVALS mr:{/config}:admins',
  'HSET mr:{/config}:admins x forged',
  'XRANGE mr:{/config}:audit - +',
  'XDEL mr:{/config}:audit 1-0',
  'GET mr:{/config}:version',
  'PEXPIRE mr:{/config}:version 1',
  'HVALS mr:{/config}:used',
  'HVALS mr:{/config}:hubs',
  'HVALS mr:{/config}:repairs',
  'GET mr:{agent:someoneelse}:group',
  'ZADD mr:{app:someone}:permits 1 forged',
  'GET mr:{app:someone}:rate',
  // Names that are nearly its own.
  'HGET mr:{own} x',
  'HSET mr:{own2}:settings x 1',
  'HSET mr:{own}2:settings x 1',
  'HSET xmr:{own}:settings x 1',
  'HSET MR:{own}:settings x 1',
  'HSET mr:{own:settings x 1',
];

const WAYS: Way[] = ['plainly', 'in a script', 'in a script that declares its key'];

test('every key of a group and of the configuration is among those tried here', () => {
  const keys = groupKeys('other');
  const all = Object.entries(keys).flatMap(([name, key]) => {
    if (['group', 'prefix'].includes(name) || name.endsWith('Channel')) return [];
    return typeof key === 'string'
      ? [key]
      : [(key as (...parts: unknown[]) => string)('', '').replace(/:+$/, ':')];
  });
  const tried = [...OF_A_GROUP, ...OF_NO_GROUP].join(' ');
  expect([...all, ...Object.values(CONFIG_KEYS)].filter((key) => !tried.includes(key))).toEqual([]);
});

describe.each(WAYS)('%s:', (way) => {
  test.each([...OF_A_GROUP, ...OF_NO_GROUP])('%s', async (command) => {
    expect(await denialOf(url, command, way)).toMatch(/key/);
    // It is the key that is refused: on the agent's own group the same goes through, whatever Redis then answers.
    expect(await denialOf(url, command.replace(/\S*mr:\S*/i, 'mr:{own}:scratch'), way)).toBeUndefined();
  });

  test('its own record can be read and not written', async () => {
    const own = `mr:{agent:${login.tokenId}}:group`;
    // EVALSHA counts as writing to what it declares.
    const isRead = way !== 'in a script that declares its key';
    expect((await denialOf(url, `GET ${own}`, way)) === undefined).toBe(isRead);
    for (const write of [`HSET ${own} x 1`, `PEXPIRE ${own} 1`, `XADD ${own} * f x`, `ZADD ${own} 1 x`])
      expect(await denialOf(url, write, way)).toMatch(/key/);
  });
});

test.each([
  // A key of its own does not open the door to others; nor does a name that Redis may take for the word STREAMS.
  'XREADGROUP GROUP agents thief STREAMS mr:{own}:lane:0 mr:{other}:lane:0 > >',
  'XREADGROUP NOACK GROUP agents STREAMS STREAMS mr:{other}:lane:0 >',
  'XREADGROUP NOACK GROUP STREAMS mr:{own}:x STREAMS mr:{other}:lane:0 >',
  'XREADGROUP COUNT 1 GROUP mr:{own}:x STREAMS STREAMS mr:{other}:lane:0 >',
])('%s', async (command) => {
  expect(await denialOf(url, command)).toMatch(/key/);
  expect(await denialOf(url, command, 'in a script')).toMatch(/key/);
});

test('a script of the hubs cannot be run on the keys of another group', async () => {
  const { source, sha } = loadScript('cancel');
  await withRedis(redis.adminUrl, (client) => client.call('SCRIPT', 'LOAD', source));
  expect(await denialOf(url, `EVALSHA ${sha} 1 mr:{other}:waiting 1`)).toMatch(/key/);
});

test('none of this has changed a key', async () => {
  expect(before.length).toBeGreaterThan(20);
  expect(await contents()).toEqual(before);
});
