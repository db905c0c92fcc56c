import { LEAST_LOOK_MS } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { whyUnserved } from './why-unserved.ts';

// A request waits until an agent has pulled it: `queue.waitMs` counts from its admission, in line and handed over alike. The
// count starts anew only when an agent was lost that may have run it; so nothing goes round for ever.

/** Time for a reply to be found by reading its stream, ms. */
const UNKNOWN_WAIT_MS = 2_000;

/** In line for a slot, for the first time or again. */
export function awaitSlot(exchange: Exchange): void {
  // A timer of 0 ms is none: whoever may not wait is in line for a moment all the same.
  const ms = Math.max(1, exchange.deadlines.waitMs);
  exchange.waiting(ms, () => giveUpWaiting(exchange));
}

/** Handed over: the head of the reply is due. Until an agent has shown that it has the request, the wait goes on, too. */
export function awaitHead(exchange: Exchange): void {
  const { policy, attempts, deadlines } = exchange;
  deadlines.restartHead();
  const lookMs = Math.max(LEAST_LOOK_MS, deadlines.waitMs);
  if (attempts.owner !== '' || policy.waitMs === 0 || lookMs >= policy.firstByteMs)
    return awaitHeadOnly(exchange);
  exchange.handed(lookMs, () => lookForAgent(exchange));
}

/** An agent has the request: only the time for the head goes on. */
export function awaitHeadOnly(exchange: Exchange): void {
  exchange.handed(Math.max(1, exchange.deadlines.headMs), () => exchange.expire());
}

async function giveUpWaiting(exchange: Exchange): Promise<void> {
  // Meanwhile only the whole deadline can end it.
  exchange.waiting(Infinity, () => exchange.expire());
  const found = await exchange.store.leave();
  if (exchange.done) return;
  if (found === 'removed') return failUnserved(exchange);
  if (exchange.state !== 'waiting') return;
  if (found !== 'unknown') return awaitHead(exchange);
  // Settled, and the doorbell lost: its reply is read within a second. Or Redis has lost it.
  exchange.waiting(UNKNOWN_WAIT_MS, () => {
    exchange.fail('store-lost');
    void exchange.cancel();
  });
}

/** The wait is over, and the request was handed over. Its agent may have gone, and the doorbell that said so been lost. */
async function lookForAgent(exchange: Exchange): Promise<void> {
  awaitHeadOnly(exchange);
  const { moves } = exchange.attempts;
  const found = await exchange.store.leave();
  if (exchange.done) return;
  if (found === 'removed') return failUnserved(exchange);
  if (exchange.state !== 'handed' || exchange.attempts.moves !== moves) return;
  // In this moment: its agent is about to pull it.
  if (found === 'handed') exchange.handed(LEAST_LOOK_MS, () => lookForAgent(exchange));
}

/** It was taken out of the group before anybody had pulled it. */
function failUnserved(exchange: Exchange): void {
  exchange.unserved();
  const { code, detail } = whyUnserved(exchange, 'waited');
  exchange.fail(code, { retryAfterS: retryAfterS(exchange), detail });
}

/** It was not let in. */
export function refuseUnserved(exchange: Exchange, outcome: 'full' | 'busy'): void {
  const { code, detail } = whyUnserved(exchange, outcome);
  // A burst fills the line long before a sweep sees it.
  exchange.fail(code, {
    retryAfterS: retryAfterS(
      exchange,
      outcome === 'full' ? exchange.context.link.group(exchange.group).depth : 0,
    ),
    detail,
  });
}

/** From how many wait and how many were answered lately; the other hubs are taken to answer as many as this one. */
function retryAfterS({ context, group }: Exchange, leastInLine = 0): number {
  const { inLine, hubs } = context.link.group(group).lastSweep;
  return context.rates.retryAfterS(group, Math.max(inLine, leastInLine) / Math.max(1, hubs));
}
