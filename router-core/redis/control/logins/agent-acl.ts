import { groupKeys } from '../../scripts/keys.ts';

/** The data from which the Redis user of an agent's token is made. */
export interface AgentLogin {
  /** The id in the token. */
  readonly tokenId: string;
  /** SHA-256 of the whole token, hex. */
  readonly sha256: string;
  /** The only group that it may reach. */
  readonly group: string;
  /** The group that its record was in until a moment ago: requests that run there may finish. */
  readonly formerGroup?: string | undefined;
}

/**
 * The commands of an agent's connections (redis-agent-link.ts, heartbeat.ts, inbox.ts, outbox.ts, engine.ts, find-nodes.ts,
 * dial.ts). AUTH, HELLO, QUIT and RESET need no rule: Redis lets every user run them.
 */
const LINK_COMMANDS = [
  // Scripts by hash only, and never `eval` or `script`: Redis runs one script at a time and cannot end one that has written,
  // so an agent with code of its own could stop everybody. Hubs and router-api load the scripts of agents (agent-scripts.ts).
  'evalsha',
  // Large frames are appended by XADD, in one transaction with the script.
  ...['multi', 'exec'],
  'xreadgroup',
  'xrange',
  'ssubscribe',
  // The agent's own record, read only.
  'get',
  // Shows if Redis has loaded its data, and if the router can run on it.
  'info',
  // Only names the connection in CLIENT LIST; agents would work without it.
  'client|setname',
  // Finds the node of a Cluster that has its group.
  'cluster|slots',
  // For a URL with a database number. Key patterns apply in every database.
  'select',
];

/** The commands of those scripts: Redis applies the rules of a script's caller to it. */
const SCRIPT_COMMANDS = [
  ...['hdel', 'hget', 'hincrby', 'hkeys', 'hlen', 'hmget', 'hset', 'hvals'],
  ...['pexpire', 'spublish', 'time'],
  ...['xack', 'xadd', 'xclaim', 'xdel', 'xgroup|create', 'xgroup|delconsumer', 'xlen', 'xpending', 'xtrim'],
  ...['zadd', 'zcard', 'zrem', 'zscore'],
];

/**
 * The rules of a token's Redis user, for ACL SETUSER: keys and channels of its group, read access to its own record, and the
 * commands above. They are the same for every engine: all of them, subcommands too, are known since Redis 7.0, and a server
 * that does not know one would refuse them all. Throws when a value could widen a pattern.
 */
export function agentAclRules({ tokenId, sha256, group, formerGroup }: AgentLogin): string[] {
  // No character that a name may contain has a meaning in a pattern (`*`, `?`, `[` and `\` have; braces have none).
  const groups = formerGroup === undefined ? [group] : [group, formerGroup];
  for (const name of groups) {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Error(`not a group name: ${JSON.stringify(name)}`);
  }
  if (!/^[0-9A-Za-z]+$/.test(tokenId)) throw new Error(`not the id of a token: ${JSON.stringify(tokenId)}`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`not a SHA-256 in hex: ${JSON.stringify(sha256)}`);
  const prefixes = groups.map((name) => groupKeys(name).prefix);
  return [
    // SETUSER adds to the rules of a user, so they are cleared first.
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
