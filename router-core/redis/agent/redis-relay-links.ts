import type { CreateRelayLink } from '../../exchange/relay-link.ts';
import type { LocalInboxes } from '../frames/local-inboxes.ts';
import { groupKeys } from '../scripts/keys.ts';
import { LinkedAgents } from './linked-agents.ts';
import { RedisAgentLink } from './redis-agent-link.ts';
import { Renewals } from './renewals.ts';

export interface RedisRelayOptions {
  readonly redisUrl: string;
  /** The hubs of this process: replies for them need not go through Redis. */
  readonly local: LocalInboxes;
}

/**
 * Relays that stand in for linked agents in Redis. Call it once a process: they share their renewals. Each has connections of its
 * own, because its pull blocks one of them.
 */
export function redisRelayLinks({ redisUrl, local }: RedisRelayOptions): CreateRelayLink {
  const renewals = new Renewals();
  return ({ report, ...options }) => {
    const link = new RedisAgentLink({
      ...options,
      redisUrl,
      renewals,
      local,
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
