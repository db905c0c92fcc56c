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
  const { context, id, req } = exchange;
  exchange.bodyBytes = body.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  context.link.inbox.open(exchange.reader);
  const payload = encodeFrame(id, 1, 0, {
    head: encodeRequestHead(head),
    body: body.chunks,
    end: body.complete ? trailersOf(req) : undefined,
  });
  await admit(exchange, payload, !body.complete);
}

/** Puts a request on the queue again that has come back to its hub, as its next attempt: at the end of the line. */
export async function enqueueAgain(exchange: Exchange, payload: Buffer): Promise<void> {
  await admit(exchange, payload, false);
}

async function admit(exchange: Exchange, payload: Buffer, bodyFollows: boolean): Promise<void> {
  const { queue, id, policy, reader } = exchange;
  exchange.restartWait();
  exchange.headDueAt = performance.now() + policy.firstByteMs;
  // Redis may stand still: the client is answered nevertheless.
  exchange.enter('admitting', policy.firstByteMs, () => exchange.expire());
  try {
    const admission = await queue.admit({
      id,
      payload,
      attempt: reader.attempt,
      attempts: policy.attempts + exchange.uncountedAttempts,
      scope: exchange.scope,
      repeatable: exchange.isRepeatable,
      bodyFollows,
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
