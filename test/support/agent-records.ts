import type { InstanceReport } from '../../router-core/exchange/agent-link.ts';
import { MovedTokens } from '../../router-core/redis/control/logins/moved-tokens.ts';
import { provisionAgentLogins } from '../../router-core/redis/control/logins/provision-agent-logins.ts';
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
  const moved = new MovedTokens();
  const provision = async () => {
    const tokens = [...records.values()].map(({ stored, group }) => {
      return { tokenId: stored.id, sha256: stored.sha256, group };
    });
    const logins = moved.loginsOf(tokens, Date.now());
    await withRedis(redisUrl, (client) => provisionAgentLogins([client], logins));
  };
  return {
    async set(name, fields) {
      const record = { ...(records.get(name) ?? newToken('agent')), group: fields.group };
      records.set(name, record);
      await configure(redisUrl, { agents: [{ name, ...fields, tokens: [record.stored] }] });
      await provision();
      return record.token;
    },
    async remove(name) {
      await configure(redisUrl, { removed: [{ kind: 'agent', name }] });
    },
  };
}

/** The reports of a group's instances, by the names of their agents. */
export async function reportsOf(redisUrl: string, group: string): Promise<Map<string, InstanceReport>> {
  const reports = await withRedis(redisUrl, (client) => client.hvals(`mr:{${group}}:reports`));
  return new Map(
    reports.map((text) => {
      const report = JSON.parse(text) as InstanceReport;
      return [report.name, report];
    }),
  );
}
