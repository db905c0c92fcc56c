import type { Redis } from 'ioredis';
import { CommandError } from '../../../runtime/run-command.ts';
import { AGENT_USER_PREFIX, agentUser } from '../../connection/agent-user.ts';
import { agentAclRules, type AgentLogin } from './agent-acl.ts';
import { isServerError } from '../../connection/connection.ts';
import { StoreUnavailableError } from '../../../exchange/store-unavailable.ts';

/** This login may not manage the users of the server. The message says what to do. */
export class AclUnavailableError extends CommandError {
  override readonly name = 'AclUnavailableError';
  override readonly cause: Error;

  constructor(cause: Error) {
    super(
      `Redis does not let the router manage agents' logins (${cause.message}): allow the router's own Redis user ` +
        '"+acl|users +acl|getuser +acl|setuser +acl|deluser"; where the service has no ACLs, give agents a shared ' +
        'login in their Redis URL instead of tokens',
    );
    this.cause = cause;
  }
}

/** Ids of tokens whose users were missing or wrong, on one node or more. */
export interface AgentLoginChanges {
  readonly created: string[];
  /** Their connections were cut, if the password, the keys or the channels had changed. */
  readonly changed: string[];
  /** Their connections were cut. */
  readonly deleted: string[];
}

type Rules = Map<string, readonly string[]>;

/**
 * The users of one batch, during which Redis does nothing else: up to 3 ms of GETUSER, which costs 0.15 ms in Redis 7.0 and
 * next to nothing later. SETUSER costs 15 µs, ACL USERS 0.1 ms per 1,000 users; ACL LIST, which would return everything at
 * once, 120 ms.
 */
const BATCH = 20;

/**
 * The rules that each client has set or verified. Engines describe rules in words of their own (Redis 7.0 adds categories), so
 * the description of a server cannot be compared with ours. A server that has restarted without its users gets a new client.
 */
const inForce = new WeakMap<Redis, Map<string, string>>();

/**
 * Makes exactly the wanted users with the prefix `mr_agent_` on each node: ACLs are not replicated. Other users are left
 * alone. Repeatable; without changes it costs one ACL USERS per node. Changes of an existing user by others are noticed on a
 * new connection.
 * Call it after any change of the wanted logins, and regularly: of two concurrent callers, the one that has read the older
 * state may be the last to write. Rejects with AclUnavailableError, with StoreUnavailableError when a connection is lost, or
 * with the server's error.
 */
export async function provisionAgentLogins(
  nodes: readonly Redis[],
  wanted: readonly AgentLogin[],
): Promise<AgentLoginChanges> {
  const rules: Rules = new Map(wanted.map((login) => [agentUser(login.tokenId), agentAclRules(login)]));
  const done = await Promise.all(nodes.map((node) => provisionNode(node, rules)));
  const tokenIds = (kind: keyof AgentLoginChanges) => {
    const users = new Set(done.flatMap((changes) => changes[kind]));
    return [...users].map((user) => user.slice(AGENT_USER_PREFIX.length));
  };
  return { created: tokenIds('created'), changed: tokenIds('changed'), deleted: tokenIds('deleted') };
}

/** The same with names of users. */
async function provisionNode(node: Redis, rules: Rules): Promise<AgentLoginChanges> {
  const known = inForce.get(node) ?? new Map<string, string>();
  inForce.set(node, known);
  const names = ((await acl(node, [['USERS']]))[0] as string[]).filter((n) =>
    n.startsWith(AGENT_USER_PREFIX),
  );
  const there = new Set(names);
  // Deletions come first: a later failure must not keep a revoked token alive.
  const deleted = names.filter((name) => !rules.has(name));
  if (deleted.length > 0) await acl(node, [['DELUSER', ...deleted]]);
  for (const name of known.keys()) if (!there.has(name) || !rules.has(name)) known.delete(name);

  const toSet = [...rules].filter(([name, wanted]) => known.get(name) !== wanted.join(' '));
  const created: string[] = [];
  const changed: string[] = [];
  for (let i = 0; i < toSet.length; i += BATCH) {
    const batch = toSet.slice(i, i + BATCH);
    const existing = batch.filter(([name]) => there.has(name));
    changed.push(...(await setUsers(node, batch, existing)));
    created.push(...batch.map(([name]) => name).filter((name) => !there.has(name)));
    for (const [name, wanted] of batch) known.set(name, wanted.join(' '));
  }
  return { created, changed, deleted };
}

/** Sets the users of a batch and returns those of the existing ones that were different before. */
async function setUsers(
  node: Redis,
  batch: [string, readonly string[]][],
  existing: typeof batch,
): Promise<string[]> {
  const describe = () =>
    acl(
      node,
      existing.map(([name]) => ['GETUSER', name]),
    ).then((all) => all.map(describeUser));
  const set = ([name, rules]: [string, readonly string[]]) => ['SETUSER', name, ...rules];
  const before = await describe();
  await acl(node, batch.map(set));
  const after = await describe();
  const differs = (part: keyof Description) => (_user: unknown, i: number) =>
    before[i]?.[part] !== after[i]?.[part];

  // SETUSER leaves connections alone. Those that logged in with another password, or that are blocked on keys they may no
  // longer read, must be cut.
  const toCut = existing.filter(differs('access'));
  await acl(
    node,
    toCut.flatMap((user) => [['DELUSER', user[0]], set(user)]),
  );
  return existing.filter(differs('whole')).map(([name]) => name);
}

interface Description {
  readonly whole: string;
  /** Everything but the commands: the password, the keys and the channels. */
  readonly access: string;
}

/** GETUSER replies name, value, name, value, …; null when the user was deleted meanwhile. */
function describeUser(reply: unknown): Description {
  const fields = (reply ?? []) as unknown[];
  const commands = fields.indexOf('commands');
  const access = commands < 0 ? fields : fields.toSpliced(commands, 2);
  return { whole: JSON.stringify(fields), access: JSON.stringify(access) };
}

/** Runs ACL commands in one round trip. */
async function acl(node: Redis, calls: readonly (readonly string[])[]): Promise<unknown[]> {
  if (calls.length === 0) return [];
  const pipeline = node.pipeline();
  for (const [command = '', ...args] of calls) pipeline.call('ACL', command, ...args);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw asTyped(error);
    return reply;
  });
}

/** Temporary errors (LOADING, BUSY, …) stay as they are. */
function asTyped(error: Error): Error {
  if (!isServerError(error)) return new StoreUnavailableError(true, { cause: error });
  const isLasting = /^NOPERM\b|unknown (sub)?command|Error in ACL SETUSER/i.test(error.message);
  return isLasting ? new AclUnavailableError(error) : error;
}
