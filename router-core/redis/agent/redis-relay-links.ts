import type { CreateRelayLink } from '../../exchange/relay-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RedisAgentLink } from './redis-agent-link.ts';
import { Renewals } from './renewals.ts';

/** Relays that stand in for linked agents in Redis. Call it once a process: they share their renewals. */
export function redisRelayLinks({ redisUrl }: { redisUrl: string; log: Logger }): CreateRelayLink {
  const renewals = new Renewals();
  return (options) => {
    const link = new RedisAgentLink({ ...options, redisUrl, renewals, lanes: 'relay' });
    return Object.assign(link, { show: () => undefined });
  };
}
