import type { CreateRelayLink } from '../../exchange/relay-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { groupKeys } from '../scripts/keys.ts';
import { LinkedAgents } from './linked-agents.ts';
import { RedisAgentLink } from './redis-agent-link.ts';
import { Renewals } from './renewals.ts';

/**
 * Relays that stand in for linked agents in Redis. Call it once a process: they share their renewals. Each has connections of its
 * own, because its pull blocks one of them.
 */
export function redisRelayLinks({ redisUrl }: { redisUrl: string; log: Logger }): CreateRelayLink {
  const renewals = new Renewals();
  return ({ report, ...options }) => {
    const link = new RedisAgentLink({
      ...options,
      redisUrl,
      renewals,
      lanes: 'relay',
      report: () => {
        const said = report();
        return { ...said, report: { ...said.report, relay: true } };
      },
    });
    const linked = new LinkedAgents({
      key: groupKeys(options.group).linked(link.instance),
      client: () => link.client,
    });
    const close = link.close.bind(link);
    return Object.assign(link, {
      show: linked.show.bind(linked),
      close: (timeoutMs: number) => {
        linked.close();
        return close(timeoutMs);
      },
    });
  };
}
