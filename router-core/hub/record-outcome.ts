import { logExchange } from './access-log.ts';
import type { ExchangeState } from './exchange-state.ts';
import type { Exchange } from './exchange.ts';
import type { RequestTrace } from './request-trace.ts';

/** The books of a hub: counts, traces and logs a request that has its outcome. `from` is the state in which it got it. */
export function recordOutcome(
  exchange: Exchange,
  from: ExchangeState,
  trace: RequestTrace | undefined,
): void {
  const { id, group, caller, counts, status, receivedAt } = exchange;
  const { link, rates, config } = exchange.context;
  if (from === 'replying') rates.served(group);
  if (caller) link.leaveApp(caller.app.name, id);
  const totalMs = performance.now() - receivedAt;
  counts.ended(status, totalMs);
  trace?.ended(status);
  if (config.accessLog) logExchange(exchange, totalMs);
}
