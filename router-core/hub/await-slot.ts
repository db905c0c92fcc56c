import { LEAST_LOOK_MS } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { whyUnserved } from './why-unserved.ts';

// A request waits until an agent has pulled it: `queue.waitMs` counts from its admission, in line and handed over alike. The
// count starts anew only after the loss of an agent that may have run it, so no request goes round for ever.

/** The link finds a reply within this time by reading its stream, ms. */
const UNKNOWN_WAIT_MS = 2_000;

/** The request is in line for a slot, for the first time or again. */
export function awaitSlot(exchange: Exchange): void {
  // A timer of 0 ms never fires, and a request that may not wait is in line for a moment all the same.
  const ms = Math.max(1, exchange.deadlines.waitMs);
  exchange.waiting(ms, () => giveUpWaiting(exchange));
}

/** The request was handed over: the head of its reply is due. The wait for a slot goes on until an agent shows that it has it. */
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
  // Until the link answers, only the deadline of the whole request can end it.
  exchange.waiting(Infinity, () => exchange.expire());
  const found = await exchange.store.leave();
  if (exchange.done) return;
  if (found === 'removed') return failUnserved(exchange);
  if (exchange.state !== 'waiting') return;
  if (found !== 'unknown') return awaitHead(exchange);
  // Either an agent has settled it and the doorbell was lost: the link reads its reply within a second. Or Redis has lost it.
  exchange.waiting(UNKNOWN_WAIT_MS, () => {
    exchange.fail('store-lost');
    void exchange.cancel();
  });
}

/** The wait is over, and the request was handed over. Its agent may have gone, and the doorbell about that may be lost. */
async function lookForAgent(exchange: Exchange): Promise<void> {
  awaitHeadOnly(exchange);
  const { moves } = exchange.attempts;
  const found = await exchange.store.leave();
  if (exchange.done) return;
  if (found === 'removed') return failUnserved(exchange);
  if (exchange.state !== 'handed' || exchange.attempts.moves !== moves) return;
  // The hand-over was a moment ago: its agent is about to pull it.
  if (found === 'handed') exchange.handed(LEAST_LOOK_MS, () => lookForAgent(exchange));
}

/** The hub has taken the request out of the group before any agent pulled it. */
function failUnserved(exchange: Exchange): void {
  exchange.unserved();
  const { code, detail } = whyUnserved(exchange, 'waited');
  exchange.fail(code, { retryAfterS: retryAfterS(exchange), detail });
}

/** The group did not admit the request. */
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

/** Estimates by the length of the line and the replies of late. Assumes that other hubs answer as many as this one. */
function retryAfterS({ context, group }: Exchange, leastInLine = 0): number {
  const { inLine, hubs } = context.link.group(group).lastSweep;
  return context.rates.retryAfterS(group, Math.max(inLine, leastInLine) / Math.max(1, hubs));
}
