import { groupKeys } from '../../scripts/keys.ts';

/** What Redis needs to know of an agent's token to let it log in. */
export interface AgentLogin {
  /** The id in the token. */
  readonly tokenId: string;
  /** SHA-256 of the whole token, hex. */
  readonly sha256: string;
  /** The one group that it may reach. */
  readonly group: string;
  /** The group that its record was in a moment ago: what runs there may finish. */
  readonly formerGroup?: string | undefined;
}

/**
 * What an agent's connections send themselves (redis-agent-link.ts, heartbeat.ts, inbox.ts, outbox.ts, engine.ts,
 * find-nodes.ts, dial.ts). AUTH, HELLO, QUIT and RESET need no rule: Redis lets everybody run them.
 */
const LINK_COMMANDS = [
  // By its hash only, and never `eval` or `script`: Redis runs one script at a time and cannot end one that has written, so
  // whoever brings code of his own stops everybody. Hubs and router-api load what agents run (agent-scripts.ts).
  'evalsha',
  // Large frames are appended by XADD, in one transaction with the script.
  ...['multi', 'exec'],
  'xreadgroup',
  'xrange',
  'ssubscribe',
  // The agent's own record, read only.
  'get',
  // Whether Redis has loaded its data, and whether it is one that the router may run on.
  'info',
  // Only names the connection in CLIENT LIST; agents would work without it.
  'client|setname',
  // Which node of a Cluster has its group.
  'cluster|slots',
  // For a URL with a database number. Keys are matched by name in whichever database.
  'select',
];

/** What those scripts call: Redis holds a script to the rules of its caller. */
const SCRIPT_COMMANDS = [
  ...['hdel', 'hget', 'hincrby', 'hkeys', 'hlen', 'hmget', 'hset', 'hvals'],
  ...['pexpire', 'spublish', 'time'],
  ...['xack', 'xadd', 'xclaim', 'xdel', 'xgroup|create', 'xgroup|delconsumer', 'xlen', 'xpending', 'xtrim'],
  ...['zadd', 'zcard', 'zrem', 'zscore'],
];

/**
 * The rules of a token's Redis user, for ACL SETUSER: its group's keys and channels, its own record to read, and the
 * commands above. One set for every engine: all of them, subcommands too, are known since Redis 7.0, and a rule that a
 * server does not know would make it refuse the whole set. Throws when a value could widen a pattern.
 */
export function agentAclRules({ tokenId, sha256, group, formerGroup }: AgentLogin): string[] {
  // Of what a name may hold nothing has a meaning in a pattern (`*`, `?`, `[`, `\` have; braces are themselves).
  const groups = formerGroup === undefined ? [group] : [group, formerGroup];
  for (const name of groups) {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Error(`not a group name: ${JSON.stringify(name)}`);
  }
  if (!/^[0-9A-Za-z]+$/.test(tokenId)) throw new Error(`not the id of a token: ${JSON.stringify(tokenId)}`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`not a SHA-256 in hex: ${JSON.stringify(sha256)}`);
  const prefixes = groups.map((name) => groupKeys(name).prefix);
  return [
    // SETUSER adds to what a user has: everything is taken away first.
    'reset',
    'on',
    `#${sha256}`,
    ...prefixes.map((prefix) => `~${prefix}*`),
    `%R~mr:{agent:${tokenId}}:*`,
    ...prefixes.map((prefix) => `&${prefix}*`),
    '-@all',
    ...[...LINK_COMMANDS, ...SCRIPT_COMMANDS].map((command) => `+${command}`),
  ];
}
