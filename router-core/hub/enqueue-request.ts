import { encodeFrame } from '../exchange/frames.ts';
import { encodeRequestHead, type RequestHead } from '../exchange/heads.ts';
import { StoreUnavailableError } from '../redis/connection/connection.ts';
import { awaitHead, type Exchange } from './exchange.ts';
import { trailersOf, type InlineBody } from './request-body.ts';

/**
 * The hub's timer decides, a moment after the time that Redis has counted. A sweep in that moment would take the request out
 * of the line, and its hub could not tell that from a Redis that has lost it.
 */
const LATE_MS = 1_000;

/** Time for a reply to be found by reading its stream, ms. */
const UNKNOWN_WAIT_MS = 2_000;

/** Puts the request on its group's queue; from here on its reply may arrive. */
export async function enqueueRequest(exchange: Exchange, head: RequestHead, body: InlineBody): Promise<void> {
  const { context, queue, id, req, policy } = exchange;
  const { link } = context;
  exchange.bodyBytes = body.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
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
    if (!('place' in admission)) return refuse(exchange, admission.outcome);
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
    exchange.fail(error.sent ? 'store-lost' : 'store-unavailable', 1);
    // It may be in the queue after all; nobody awaits it any more.
    if (error.sent) void exchange.cancel();
  }
}

/** In line for a slot, for the first time or after an agent was lost. */
export function awaitSlot(exchange: Exchange): void {
  // A timer of 0 ms is none: whoever may not wait and has lost its agent is in line for a moment all the same.
  exchange.enter('waiting', Math.max(1, exchange.policy.waitMs), () => giveUpWaiting(exchange));
}

async function giveUpWaiting(exchange: Exchange): Promise<void> {
  // Meanwhile only the whole deadline can end it.
  exchange.enter('waiting', Infinity, () => exchange.expire());
  const found = await exchange.queue.cancel(exchange.id, exchange.place, true);
  if (exchange.done || exchange.state !== 'waiting') return;
  if (found === 'handed') return awaitHead(exchange);
  if (found === 'unknown') {
    // Settled, and the doorbell lost: its reply is read within a second. Or Redis has lost it.
    return exchange.enter('waiting', UNKNOWN_WAIT_MS, () => {
      exchange.fail('store-lost');
      void exchange.cancel();
    });
  }
  const { link } = exchange.context;
  exchange.fail(
    link.lastSweep(exchange.group).instances === 0 ? 'no-agent' : 'queue-timeout',
    retryAfterS(exchange),
  );
}

function refuse(exchange: Exchange, outcome: 'full' | 'busy'): void {
  const { link } = exchange.context;
  exchange.fail(
    link.lastSweep(exchange.group).instances === 0 ? 'no-agent' : 'queue-full',
    // A burst fills the line long before a sweep sees it.
    retryAfterS(exchange, outcome === 'full' ? exchange.queue.depth : 0),
  );
}

/** From how many wait and how many were answered lately; the other hubs are taken to answer as many as this one. */
function retryAfterS({ context, group }: Exchange, leastInLine = 0): number {
  const { inLine, hubs } = context.link.lastSweep(group);
  return context.rates.retryAfterS(group, Math.max(inLine, leastInLine) / Math.max(1, hubs));
}
