import { afterAll, beforeEach, expect, test } from 'vitest';
import {
  AclUnavailableError,
  provisionAgentLogins,
} from '../../router-core/redis/control/logins/provision-agent-logins.ts';
import { agentUrl, connectionsOf, guardedRedisHere, newLogin, provision } from '../support/agent-logins.ts';
import { startGuardedRedis, urlAs, type GuardedRedis } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';
import { redisCommand } from '../support/redis-command.ts';
import { waitFor } from '../support/wait.ts';

const NOTHING = { created: [], changed: [], deleted: [] };

let redis: GuardedRedis;
beforeEach(async () => {
  redis ??= await startGuardedRedis();
  await provision(redis, []);
});
afterAll(() => redis.stop());

const admin = <T>(use: Parameters<typeof withRedis<T>>[1]) => withRedis(redis.adminUrl, use);
const users = () => admin(async (client) => (await client.call('ACL', 'LIST')) as string[]);
const mayLogIn = async (login: ReturnType<typeof newLogin>) =>
  (await redisCommand(redis.port, `AUTH ${login.user} ${login.token}`)) === '+OK';

test('makes what is missing, takes away what is not wanted, and says so', async () => {
  const [a, b, c] = [newLogin('g'), newLogin('g'), newLogin('h')];
  expect(await provision(redis, [a, b])).toEqual({ ...NOTHING, created: [a.tokenId, b.tokenId] });
  expect(await provision(redis, [b, c])).toEqual({ created: [c.tokenId], changed: [], deleted: [a.tokenId] });
  expect(await Promise.all([a, b, c].map(mayLogIn))).toEqual([false, true, true]);
});

test('changes nothing when nothing has changed, and on the same connection asks for no more than names', async () => {
  const logins = Array.from({ length: 50 }, () => newLogin('g'));
  await provision(redis, logins);
  const before = await users();

  await admin(async (client) => {
    expect(await provisionAgentLogins([client], logins)).toEqual(NOTHING);
    await client.config('RESETSTAT');
    expect(await provisionAgentLogins([client], logins)).toEqual(NOTHING);
    const stats = (await client.info('commandstats')).match(/^cmdstat_acl\S+?:calls=\d+/gm);
    expect(stats).toEqual(['cmdstat_acl|users:calls=1']);
  });

  expect((await users()).sort()).toEqual(before.sort());
});

test('leaves other users as they are', async () => {
  const foreign = [
    'ACL SETUSER billing on >secret ~billing:* +@read',
    'ACL SETUSER mr_hub on >secret ~mr:* +@all',
    'ACL SETUSER MR_AGENT_X off',
    'ACL SETUSER not_mr_agent_x off',
  ];
  await admin(async (client) => {
    for (const [name = '', ...args] of foreign.map((line) => line.split(' ')))
      await client.call(name, ...args);
  });
  const before = await users();
  expect(before.length).toBe(1 + foreign.length);

  await provision(redis, [newLogin('g')]);
  expect((await users()).filter((line) => !line.startsWith('user mr_agent_')).sort()).toEqual(before.sort());
  await provision(redis, []);
  expect((await users()).sort()).toEqual(before.sort());
});

test.each(['+flushall', '~*', '&*', '>another', 'nopass', 'off', '-xadd'])(
  'puts right on a new connection what somebody has added: %s',
  async (rule) => {
    const login = newLogin('g');
    await provision(redis, [login]);
    const before = await users();
    await admin((client) => client.call('ACL', 'SETUSER', login.user, rule));

    expect(await provision(redis, [login])).toEqual({ ...NOTHING, changed: [login.tokenId] });
    expect((await users()).sort()).toEqual(before.sort());
  },
);

test('puts right at once what somebody has deleted', async () => {
  const login = newLogin('g');
  await admin(async (client) => {
    await provisionAgentLogins([client], [login]);
    await client.call('ACL', 'DELUSER', login.user);
    expect(await provisionAgentLogins([client], [login])).toEqual({ ...NOTHING, created: [login.tokenId] });
  });
  expect(await mayLogIn(login)).toBe(true);
});

test('another secret under the same id ends what the old one has opened', async () => {
  const [old, fresh] = [newLogin('g'), newLogin('g')];
  await provision(redis, [old]);
  await withRedis(agentUrl(redis, old), async (client) => {
    await client.info('server');
    const ended = new Promise((resolve) => client.once('close', resolve));
    expect(await provision(redis, [{ ...old, sha256: fresh.sha256 }])).toMatchObject({
      changed: [old.tokenId],
    });
    await ended;
    client.disconnect();
  });
  await waitFor(async () => (await connectionsOf(redis, old.user)).length === 0, {
    what: 'the old one to be out',
  });
  expect(await mayLogIn(old)).toBe(false);
});

test('what only widens or narrows the commands leaves connections alone', async () => {
  const login = newLogin('g');
  await provision(redis, [login]);
  await withRedis(agentUrl(redis, login), async (client) => {
    await client.info('server');
    await admin((other) => other.call('ACL', 'SETUSER', login.user, '+ping'));
    const [before] = await connectionsOf(redis, login.user);
    expect(await provision(redis, [login])).toMatchObject({ changed: [login.tokenId] });
    const [after] = await connectionsOf(redis, login.user);
    expect(/^id=\d+/.exec(after ?? '')?.[0]).toBe(/^id=\d+/.exec(before ?? '')?.[0]);
  });
});

test('every node gets them', async () => {
  const second = await guardedRedisHere();
  const login = newLogin('g');
  await provision(redis, [login]);
  const changes = await admin((one) =>
    withRedis(second.adminUrl, (two) => provisionAgentLogins([one, two], [login])),
  );
  expect(changes).toEqual({ ...NOTHING, created: [login.tokenId] });
  expect(await withRedis(agentUrl(second, login), (client) => client.info('server'))).toContain(
    'redis_version',
  );
});

test('a login that may not manage users is told what to allow', async () => {
  await admin((client) => client.call('ACL', 'SETUSER', 'hub', 'on', '>pw', '~*', '&*', '+@all', '-acl'));
  const refused = withRedis(urlAs(redis, 'hub', 'pw'), (client) => provisionAgentLogins([client], []));
  await expect(refused).rejects.toThrow(AclUnavailableError);
  await expect(refused).rejects.toThrow(/acl.*\+acl\|setuser/s);
  await admin((client) => client.call('ACL', 'DELUSER', 'hub'));
});

test('a server without ACL commands is told apart, too', async () => {
  const without = await guardedRedisHere(['--rename-command', 'ACL', '']);
  const refused = withRedis(without.adminUrl, (client) => provisionAgentLogins([client], [newLogin('g')]));
  await expect(refused).rejects.toThrow(AclUnavailableError);
});
