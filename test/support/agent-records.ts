import type { AgentLogin } from '../../router-core/protocol/agent-acl.ts';
import { provisionAgentLogins } from '../../router-core/protocol/provision-agent-logins.ts';
import { configure, newToken, type ConfigInput } from './config.ts';
import { withRedis } from './parts.ts';

type Fields = Omit<NonNullable<ConfigInput['agents']>[number], 'name' | 'tokens'>;

/** Agent records of one Redis, each with one token. */
export interface AgentRecords {
  /** Writes a record whole, its token's card, and the logins of all tokens. Resolves with the token. */
  set(name: string, fields: Fields): Promise<string>;
  /** Takes the record out of the configuration. Its card and its login stay. */
  remove(name: string): Promise<void>;
}

export function agentRecords(redisUrl: string): AgentRecords {
  const records = new Map<string, ReturnType<typeof newToken> & { group: string }>();
  return {
    async set(name, fields) {
      const record = { ...(records.get(name) ?? newToken('agent')), group: fields.group };
      records.set(name, record);
      await provision(redisUrl, [...records.values()]);
      await configure(redisUrl, { agents: [{ name, ...fields, tokens: [record.stored] }] });
      return record.token;
    },
    async remove(name) {
      await configure(redisUrl, { removed: [{ kind: 'agent', name }] });
    },
  };
}

async function provision(
  redisUrl: string,
  records: readonly { stored: { id: string; sha256: string }; group: string }[],
): Promise<void> {
  const wanted = records.map(({ stored, group }): AgentLogin => ({
    tokenId: stored.id,
    sha256: stored.sha256,
    group,
  }));
  await withRedis(redisUrl, (client) => provisionAgentLogins([client], wanted));
}

/** Instances of a group that live, by their names. */
export async function liveNames(redisUrl: string, group: string): Promise<string[]> {
  const instances = await withRedis(redisUrl, (client) =>
    client.zrange(`mr:{${group}}:instances`, '0', '-1'),
  );
  return instances.map((instance) => instance.replace(/\.[0-9a-f]+$/, '')).sort();
}
