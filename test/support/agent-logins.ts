import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { createToken } from '../../router-core/config/token.ts';
import type { AgentLogin } from '../../router-core/redis/control/logins/agent-acl.ts';
import {
  provisionAgentLogins,
  type AgentLoginChanges,
} from '../../router-core/redis/control/logins/provision-agent-logins.ts';
import { withRedis } from './parts.ts';
import { startRedis, type TestRedis } from './redis.ts';

const PASSWORD = 'of-the-default-user';

/** A Redis that lets nobody in without a login. */
export interface GuardedRedis extends TestRedis {
  /** URL of the default user, who may do everything. */
  readonly adminUrl: string;
}

export async function startGuardedRedis(args: string[] = []): Promise<GuardedRedis> {
  const redis = await startRedis({ args: ['--requirepass', PASSWORD, ...args] });
  const adminUrl = urlAs(redis, 'default', PASSWORD);
  // Scripts that would do anything: agents may run what is loaded, so nothing but the rules of their login holds them.
  await withRedis(adminUrl, async (client) => {
    for (const script of Object.values(ANYTHING)) await client.script('LOAD', script);
  });
  return Object.assign(redis, { adminUrl });
}

const ANYTHING = {
  plain: 'return redis.call(unpack(ARGV))',
  /** ARGV[1] is the number of the word that is given as its key. */
  withKey: `
    local words = {}
    for i = 2, #ARGV do words[i - 1] = i - 1 == tonumber(ARGV[1]) and KEYS[1] or ARGV[i] end
    return redis.call(unpack(words))`,
};

const shaOf = (script: string) => createHash('sha1').update(script).digest('hex');

/** Ends with the test. */
export async function guardedRedisHere(args: string[] = []): Promise<GuardedRedis> {
  const redis = await startGuardedRedis(args);
  onTestFinished(() => redis.stop());
  return redis;
}

export function urlAs({ url }: TestRedis, user: string, password: string): string {
  return Object.assign(new URL(url), { username: user, password }).href;
}

export interface TestLogin extends AgentLogin {
  readonly token: string;
  readonly user: string;
}

export function newLogin(group: string): TestLogin {
  const { token, stored } = createToken('agent', new Date().toISOString());
  return { token, tokenId: stored.id, sha256: stored.sha256, group, user: `mr_agent_${stored.id}` };
}

/** The Redis URL of an agent that has nothing but its token. */
export function agentUrl(redis: TestRedis, { user, token }: TestLogin): string {
  return urlAs(redis, user, token);
}

/** On a connection of its own, as router-api would after it was started. */
export function provision(redis: GuardedRedis, wanted: readonly AgentLogin[]): Promise<AgentLoginChanges> {
  return withRedis(redis.adminUrl, (client) => provisionAgentLogins([client], wanted));
}

/** Connections that are logged in as this user. */
export function connectionsOf(redis: GuardedRedis, user: string): Promise<string[]> {
  return withRedis(redis.adminUrl, async (client) => {
    const list = (await client.call('CLIENT', 'LIST')) as string;
    return list.split('\n').filter((line) => line.includes(` user=${user} `));
  });
}

/** The answers of Redis to a login that may not run a command; and to anybody for a few commands within scripts. */
const DENIED = [
  /^NOPERM /,
  // Redis 7.0, then Redis 7.2 and later.
  /The user executing the script can't /,
  /ACL failure in script/,
  /This Redis command is not allowed from script/,
];

/** How a command reaches Redis; a stolen token can be used in any of these ways. */
const WAYS = {
  plainly: (words: string[]) => words,
  'in a script': (words: string[]) => ['EVALSHA', shaOf(ANYTHING.plain), '0', ...words],
  'in a script that declares its key': (words: string[]) => {
    const keyAt = words.findIndex((word) => word.includes('mr:'));
    const key = words[keyAt] ?? 'none';
    return ['EVALSHA', shaOf(ANYTHING.withKey), '1', key, String(keyAt + 1), ...words];
  },
} as const;
export type Way = keyof typeof WAYS;

/** Runs a command, given as words with a blank between, and returns the denial; undefined when it was let through. */
export async function denialOf(
  url: string,
  command: string,
  way: Way = 'plainly',
): Promise<string | undefined> {
  const [name = '', ...args] = WAYS[way](command.split(' '));
  // A connection of its own: a command that is not refused may leave it in any state. In small letters the client knows
  // what subscribes.
  const error = await withRedis(url, (client) => client.call(name.toLowerCase(), ...args)).then(
    () => undefined,
    (failure: Error) => failure.message,
  );
  return DENIED.some((denied) => denied.test(error ?? '')) ? error : undefined;
}
