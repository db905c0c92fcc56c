import type { CreateRelayLink } from '../../exchange/relay-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RedisAgentLink } from './redis-agent-link.ts';
import { Renewals } from './renewals.ts';

/** Relays that stand in for linked agents in Redis. Call it once a process. */
export function redisRelayLinks({ redisUrl }: { redisUrl: string; log: Logger }): CreateRelayLink {
  const renewals = new Renewals();
  return ({ report, onGrants, ...options }) => {
    let shares = report().shares;
    const link = new RedisAgentLink({
      ...options,
      redisUrl,
      renewals,
      report: () => {
        const said = report();
        shares = said.shares;
        return { slots: shares.reduce((sum, { slots }) => sum + slots, 0), report: said.report };
      },
      onGrant: ({ state }) => onGrants(shares.map(({ record, slots }) => ({ record, slots, state }))),
    });
    return Object.assign(link, { show: () => undefined });
  };
}
