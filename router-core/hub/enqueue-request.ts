import { encodeFrame } from '../exchange/frames.ts';
import { encodeRequestHead, type RequestHead } from '../exchange/heads.ts';
import { StoreUnavailableError } from '../redis/connection/connection.ts';
import { awaitHead, awaitSlot, refuseUnserved } from './await-slot.ts';
import type { Exchange } from './exchange.ts';
import { trailersOf, type InlineBody } from './request-body.ts';

/**
 * The hub's timer decides, a moment after the time that Redis has counted. A sweep in that moment would take the request out
 * of the line, and its hub could not tell that from a Redis that has lost it.
 */
const LATE_MS = 1_000;

/** Puts the request on its group's queue; from here on its reply may arrive. */
export async function enqueueRequest(exchange: Exchange, head: RequestHead, body: InlineBody): Promise<void> {
  const { context, queue, id, req, policy } = exchange;
  const { link } = context;
  exchange.bodyBytes = body.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  exchange.restartWait();
  // Redis may stand still: the client is answered nevertheless.
  exchange.enter('admitting', policy.firstByteMs, () => exchange.expire());
  link.inbox.open(exchange.reader);
  try {
    const admission = await queue.admit({
      id,
      payload: encodeFrame(id, 1, 0, {
        head: encodeRequestHead(head),
        body: body.chunks,
        end: body.complete ? trailersOf(req) : undefined,
      }),
      attempts: policy.attempts,
      scope: exchange.scope,
      repeatable: exchange.isRepeatable,
      bodyFollows: !body.complete,
      deadlineMs: Math.ceil(exchange.remainingMs),
      waitMs: policy.waitMs === 0 ? 0 : policy.waitMs + LATE_MS,
      wanted: () => !exchange.done,
    });
    if (!('place' in admission)) return refuseUnserved(exchange, admission.outcome);
    // A hint of a hand-over may have come first: then it knows better.
    if (exchange.place === '') exchange.place = admission.place;
    if (exchange.done) {
      void exchange.cancel();
      return;
    }
    // The reply itself may have been faster than the news of its admission.
    if (exchange.state !== 'admitting') return;
    if (admission.outcome === 'waiting') awaitSlot(exchange);
    else awaitHead(exchange);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    exchange.fail(error.sent ? 'store-lost' : 'store-unavailable', { retryAfterS: 1 });
    // It may be in the queue after all; nobody awaits it any more.
    if (error.sent) void exchange.cancel();
  }
}
