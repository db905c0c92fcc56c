import type { AgentIdentitySource } from '../../exchange/agent-identity.ts';
import type { AgentPorts } from '../../exchange/agent-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { readAgentCard, tokenIdOf } from './agent-card.ts';
import { RedisAgentLink } from './redis-agent-link.ts';
import { LogKeeper } from '../scripts/log-keeper.ts';
import { Renewals } from './renewals.ts';

export interface RedisAgentOptions {
  readonly redisUrl: string;
  /** The agent's token, which is its login; without it, the URL says who logs in. */
  readonly token?: string | undefined;
  /** The token has been taken away; called several times. */
  readonly onRevoked?: () => void;
  readonly log: Logger;
}

/** An agent that reaches its group straight through Redis. Call it once a process: its links share their renewals. */
export function redisAgentPorts({ redisUrl, token, onRevoked, log }: RedisAgentOptions): AgentPorts {
  const renewals = new Renewals();
  const logs = new LogKeeper(log);
  return {
    createLink: (options) => new RedisAgentLink({ ...options, redisUrl, token, renewals, logs, onRevoked }),
    identitySource: token === undefined ? undefined : cardSource({ redisUrl, token, log }),
  };
}

/** An agent's card is all that its token can read outside of its group. */
function cardSource(options: { redisUrl: string; token: string; log: Logger }): AgentIdentitySource {
  return {
    async identify(signal) {
      const card = await readAgentCard({ ...options, signal });
      if (!card) return undefined;
      const { agent: record, group, concurrency, scopes } = card;
      return { record, group, concurrency, scopes, tokenId: tokenIdOf(options.token) };
    },
    async whenMoved(from, signal) {
      const card = await readAgentCard({ ...options, signal, until: ({ group }) => group !== from });
      return card !== undefined;
    },
  };
}
