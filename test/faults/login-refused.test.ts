import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { NodeConnection } from '../../router-core/redis/connection/node-connection.ts';
import { guardedRedisHere, newLogin, provision, urlAs, type GuardedRedis } from '../support/agent-logins.ts';
import { withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

/** A connection, what it logs, and everything that the process prints meanwhile. */
function dial(url: string, token?: string) {
  const logged: { level: number; msg: string }[] = [];
  let printed = '';
  for (const stream of [process.stdout, process.stderr]) {
    const spy = vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      printed += String(chunk);
      return true;
    });
    onTestFinished(() => spy.mockRestore());
  }
  for (const method of ['log', 'info', 'warn', 'error'] as const) {
    const spy = vi
      .spyOn(console, method)
      .mockImplementation((...args) => void (printed += args.map(String).join(' ')));
    onTestFinished(() => spy.mockRestore());
  }
  const log = pino(
    { level: 'trace' },
    {
      write: (line) => {
        printed += line;
        logged.push(JSON.parse(line) as { level: number; msg: string });
      },
    },
  );
  const connection = new NodeConnection({ url, token, purpose: 'commands', log });
  onTestFinished(() => connection.close());
  const warnings = () => logged.filter(({ level }) => level >= 40).map(({ msg }) => msg);
  return { connection, logged, warnings, printed: () => printed };
}

/** Resolves when so many logins have been refused since Redis started. */
async function waitForRefused(redis: GuardedRedis, count: number): Promise<void> {
  await withRedis(redis.adminUrl, (client) =>
    waitFor(
      async () => {
        const stats = /^cmdstat_auth:.*failed_calls=(\d+)/m.exec(await client.info('commandstats'));
        return Number(stats?.[1]) >= count;
      },
      { what: `${count} refused logins` },
    ),
  );
}

test('a refused token is said once, without the token, and tried until it is let in', async () => {
  const redis = await guardedRedisHere();
  const login = newLogin('g');
  const { connection, logged, warnings, printed } = dial(redis.url, login.token);

  await waitForRefused(redis, 4);
  expect(warnings()).toEqual([expect.stringMatching(/^Redis refuses this login: WRONGPASS /)]);
  await provision(redis, [login]);

  const client = await connection.ready(AbortSignal.timeout(5_000));
  expect(await client?.info('server')).toContain('redis_version');
  expect(logged.map(({ msg }) => msg)).toEqual([...warnings(), 'Redis is back']);
  const [, , , secret = ''] = login.token.split('_');
  expect(printed()).toContain('Redis refuses');
  expect(printed()).not.toContain(secret);
});

test('a Redis that comes back without its users is gone, then refuses: each said once', async () => {
  const redis = await guardedRedisHere();
  const login = newLogin('g');
  await provision(redis, [login]);
  const { connection, warnings } = dial(redis.url, login.token);
  expect(await connection.ready(AbortSignal.timeout(5_000))).toBeDefined();

  await redis.kill('SIGKILL');
  await waitFor(() => warnings().length === 1, { what: 'the outage to be noticed' });
  await redis.restart();
  await waitForRefused(redis, 3);

  expect(warnings()).toEqual([
    expect.stringMatching(/^Redis is not reachable/),
    expect.stringMatching(/^Redis refuses this login: WRONGPASS /),
  ]);
});

test('without any login where one is needed, it is the login that is named', async () => {
  const redis = await guardedRedisHere();
  const { warnings } = dial(redis.url);
  await waitFor(() => warnings().length > 0, { what: 'a warning' });
  expect(warnings()[0]).toMatch(/^Redis refuses this login: NOAUTH /);
});

test.each(['', 'default'])('the password in the URL lets in, user: "%s"', async (user) => {
  const redis = await guardedRedisHere();
  const url = urlAs(redis, user, new URL(redis.adminUrl).password);
  const { connection, warnings } = dial(url);
  const client = await connection.ready(AbortSignal.timeout(5_000));
  expect(await client?.call('ACL', 'WHOAMI')).toBe('default');
  expect(warnings()).toEqual([]);
});

test('a login that may not use the database of the URL is not let loose on another one', async () => {
  const redis = await guardedRedisHere();
  await withRedis(redis.adminUrl, (client) =>
    client.call('ACL', 'SETUSER', 'one', 'on', '>pw', '~*', '+@all', '-select'),
  );
  const { connection, warnings } = dial(`${urlAs(redis, 'one', 'pw')}/1`);
  await waitFor(() => warnings().length > 0, { what: 'a warning' });
  expect(warnings()[0]).toMatch(/^Redis refuses this login: NOPERM /);
  expect(connection.client).toBeUndefined();
});
