import type { RequestHead } from '../exchange/heads.ts';
import type { Admission, Terms } from '../exchange/hub-exchange.ts';
import { StoreUnavailableError } from '../exchange/store-unavailable.ts';
import { awaitHead, awaitSlot, refuseUnserved } from './await-slot.ts';
import type { Exchange } from './exchange.ts';
import { trailersOf, type InlineBody } from './request-body.ts';

/**
 * Redis counts this much longer than the hub's own timer, which decides. Otherwise a sweep could take the request out of the line
 * first, and its hub could not tell that from a Redis that has lost it.
 */
const LATE_MS = 1_000;

/** Puts the request on its group's queue; from here on its reply may arrive. */
export async function enqueueRequest(exchange: Exchange, head: RequestHead, body: InlineBody): Promise<void> {
  const { request, store } = exchange;
  const parts = { head, body: body.chunks, trailers: body.complete ? trailersOf(request) : undefined };
  await admit(exchange, (terms) => store.admit(parts, terms));
}

/** Puts a request that has come back to its hub on the queue again, as its next attempt: at the end of the line. */
export async function enqueueAgain(exchange: Exchange, returned: Buffer): Promise<void> {
  await admit(exchange, (terms) => exchange.store.readmit(returned, terms));
}

async function admit(exchange: Exchange, send: (terms: Terms) => Promise<Admission>): Promise<void> {
  const { policy } = exchange;
  exchange.admitting();
  try {
    const admission = await send({
      isRepeatable: exchange.isRepeatable,
      deadlineMs: Math.ceil(exchange.deadlines.remainingMs),
      waitMs: policy.waitMs === 0 ? 0 : policy.waitMs + LATE_MS,
    });
    if (admission === 'full' || admission === 'busy') return refuseUnserved(exchange, admission);
    if (exchange.done) {
      void exchange.cancel();
      return;
    }
    // The reply itself may have been faster than the news of its admission.
    if (exchange.state !== 'admitting') return;
    if (admission === 'waiting') awaitSlot(exchange);
    else awaitHead(exchange);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    exchange.fail(error.sent ? 'store-lost' : 'store-unavailable', { retryAfterS: 1 });
    // It may be in the queue after all; nobody awaits it any more.
    if (error.sent) void exchange.cancel();
  }
}
