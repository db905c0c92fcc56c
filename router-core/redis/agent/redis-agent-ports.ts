import type { AgentIdentitySource } from '../../exchange/agent-identity.ts';
import type { AgentLinkOptions, AgentPorts } from '../../exchange/agent-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { readAgentCard, tokenIdOf } from './agent-card.ts';
import { RedisAgentLink, type RedisAgentLinkOptions } from './redis-agent-link.ts';
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
  return {
    createLink: (options) => createLink(options, { redisUrl, token, renewals, onRevoked }),
    identitySource: token === undefined ? undefined : cardSource({ redisUrl, token, log }),
  };
}

/** An instance of an agent is a relay of one agent record, or of none. */
function createLink(
  { report, onGrant, record = '-', ...options }: AgentLinkOptions,
  store: Pick<RedisAgentLinkOptions, 'redisUrl' | 'token' | 'renewals' | 'onRevoked'>,
): RedisAgentLink {
  return new RedisAgentLink({
    ...options,
    ...store,
    lanes: 'shared',
    report: () => {
      const { slots, report: said } = report();
      return { shares: [{ record, slots, running: said.inFlight }], report: said };
    },
    onGrants: ([grant]) => {
      if (grant) onGrant({ slots: grant.slots, state: grant.state });
    },
  });
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
