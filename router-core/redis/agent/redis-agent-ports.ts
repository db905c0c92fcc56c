import type { AgentIdentitySource } from '../../exchange/agent-identity.ts';
import type { AgentLinkOptions, AgentPorts } from '../../exchange/agent-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { readAgentCard, tokenIdOf } from './agent-card.ts';
import { LogKeeper } from '../scripts/log-keeper.ts';
import { RedisAgentLink, type RedisAgentLinkOptions } from './redis-agent-link.ts';
import { Renewals } from './renewals.ts';

export interface RedisAgentOptions {
  readonly redisUrl: string;
  /** The agent's token, which is its login; without it, the login is in the URL. */
  readonly token?: string | undefined;
  /** The token was revoked; called several times. */
  readonly onRevoked?: () => void;
  readonly log: Logger;
}

/** The ports of an agent that connects to Redis directly. Call it once a process: its links share their renewals. */
export function redisAgentPorts({ redisUrl, token, onRevoked, log }: RedisAgentOptions): AgentPorts {
  const renewals = new Renewals();
  const logs = new LogKeeper(log);
  return {
    createLink: (options) => createLink(options, { redisUrl, token, renewals, onRevoked }, logs),
    identitySource: token === undefined ? undefined : cardSource({ redisUrl, token, log }),
  };
}

/** An instance of an agent is a relay of one agent record, or of none. */
function createLink(
  { report, onGrant, record = '-', ...options }: AgentLinkOptions,
  store: Pick<RedisAgentLinkOptions, 'redisUrl' | 'token' | 'renewals' | 'onRevoked'>,
  logs: LogKeeper,
): RedisAgentLink {
  const agent = record === '-' ? undefined : record;
  return new RedisAgentLink({
    ...options,
    ...store,
    keepLog: (client, key, process) => logs.keep(client, key, { process, name: options.name, agent }),
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

/** The card of its token is the only key outside of its group that an agent can read. */
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
