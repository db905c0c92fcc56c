import { MOST_INTERIM_HEADS } from '../exchange/heads.ts';
import type { ReplyParts } from '../exchange/hub-exchange.ts';
import { withCors } from '../http/cors.ts';
import { areFields } from '../http/field-lines.ts';
import { forwardTrailers } from '../http/trailers.ts';
import { checkInterimHead, checkReplyHead } from './check-reply.ts';
import type { Exchange } from './exchange.ts';
import { Heartbeat, takesHeartbeats } from './heartbeat.ts';

/** An agent may take this long to end a reply that its client has as a whole, ms. */
const SETTLE_MS = 5_000;

/** Sends the head of a reply. Returns true when the reply has ended with it: the frame held all of it, or it was refused. */
export function sendHead(exchange: Exchange, frame: ReplyParts): boolean {
  const { reply, request, attempts, routed } = exchange;
  const head = checkReplyHead(frame.head ?? '', {
    method: request.method,
    maySwitch: (fields) => reply.maySwitch(fields),
  });
  if (typeof head === 'string') return refuseReply(exchange, head, frame);
  const { status, reason, bodyBytes } = head;
  const { length } = frame.body ?? NO_BYTES;
  const isWhole = frame.end === '';
  if (isWhole && length !== (bodyBytes ?? length)) return refuseReply(exchange, WRONG_LENGTH, frame);

  const waitedMs = performance.now() - exchange.receivedAt;
  // An agent that says more time than its request has lived would spoil the histograms of its group.
  const upstreamMs = head.upstreamMs <= waitedMs ? head.upstreamMs : Math.round(waitedMs);
  const queueMs = Math.max(0, waitedMs - upstreamMs);
  let ours = `Via: 1.1 mini-router\r\nRouter-Request-Id: ${exchange.id}\r\nRouter-Agent: ${attempts.owner}\r\n`;
  // An upstream's own id is the one that its operators know.
  if (!REQUEST_ID.test(head.fields)) ours += `X-Request-Id: ${exchange.id}\r\n`;
  ours += `Server-Timing: queue;dur=${queueMs.toFixed(1)}, upstream;dur=${upstreamMs}\r\n`;
  if (routed.preference !== undefined) ours += `Preference-Applied: ${routed.preference}\r\n`;
  if (isWhole && bodyBytes === undefined && status !== 101) ours += `Content-Length: ${length}\r\n`;
  if (!areFields(ours)) return refuseReply(exchange, 'its name cannot be sent', frame);

  exchange.replying(status, queueMs, upstreamMs);
  let fields = head.fields + ours;
  if (routed.cors) fields = withCors(routed.cors, request.field('origin'), fields);
  if (isWhole) {
    exchange.replyBody.isWhole(length);
    reply.startAndEnd(status, reason, fields, length > 0 ? frame.body : undefined);
    exchange.answered();
    return true;
  }
  exchange.replyBody.begin(bodyBytes);
  exchange.deadlines.setForBody(status === 101 || frame.body !== undefined);
  reply.start(status, reason, fields);
  const { heartbeatMs } = routed;
  if (heartbeatMs !== undefined && takesHeartbeats(head.fields, head))
    exchange.heartbeat = new Heartbeat(reply, heartbeatMs);
  if (bodyBytes === 0 && !frame.body) sendBody(exchange, frame, NO_BYTES);
  return false;
}

const REQUEST_ID = /^x-request-id: /im;
const NO_BYTES = Buffer.alloc(0);
const WRONG_LENGTH = 'the body is not as long as its head says';

/** Passes an interim head on. The reply does not begin with it: the time for its head goes on, and it may still be an error. */
export function sendInterim(exchange: Exchange, frame: ReplyParts): void {
  if (exchange.replyBody.interimCame() > MOST_INTERIM_HEADS)
    return void refuseReply(exchange, 'too many interim heads', frame);
  if (frame.body || frame.end !== undefined)
    return void refuseReply(exchange, 'an interim head with a body or an end', frame);
  const head = checkInterimHead(frame.head ?? '');
  if (typeof head === 'string') return void refuseReply(exchange, head, frame);
  exchange.reply.interim(head.status, head.reason, head.fields);
}

/** Sends body bytes. Returns false when the hub must not send them: then the reply has ended. */
export function sendBody(exchange: Exchange, frame: ReplyParts, bytes: Buffer): boolean {
  if (exchange.state !== 'replying') return !refuseReply(exchange, 'a body without a head', frame);
  const { replyBody } = exchange;
  if (!replyBody.hasRoomFor(bytes.length)) return !refuseReply(exchange, WRONG_LENGTH, frame);
  if (bytes.length > 0) {
    exchange.bodyMoved(bytes.length);
    exchange.reply.write(bytes, exchange);
    exchange.heartbeat?.sent(bytes);
  }
  if (replyBody.isAtLength && frame.end === undefined && !replyBody.isComplete) completeByLength(exchange);
  return true;
}

/**
 * The length is reached: for the client the reply ends here, and the next request on its connection may be of another
 * group. It must not wait for an agent that does not end.
 */
function completeByLength(exchange: Exchange): void {
  exchange.reply.end([]);
  exchange.settling(SETTLE_MS);
}

/** The agent says that its reply is complete. */
export function sendEnd(exchange: Exchange, frame: ReplyParts, trailers: string): void {
  if (exchange.replyBody.isComplete) return exchange.answered();
  if (exchange.state !== 'replying') return void refuseReply(exchange, 'an end without a head', frame);
  if (exchange.replyBody.isShort) {
    return void refuseReply(exchange, WRONG_LENGTH, frame);
  }
  // The agent has taken out what its Connection field nominates.
  const checked = trailers === '' ? [] : forwardTrailers(trailers.split('\n'), undefined);
  if (checked instanceof Error) return void refuseReply(exchange, checked.message, frame);
  // The reply ends first: a fault in the books must not break a good reply.
  exchange.reply.end(checked);
  exchange.answered();
}

/**
 * Ends a reply because its agent has sent something that is no part of a valid reply. The client sees that, unless it already has
 * the whole reply. No other request ends. Returns true.
 */
export function refuseReply(exchange: Exchange, why: string, { end }: Pick<ReplyParts, 'end'>): true {
  const { context, counts, id, group, attempts, replyBody } = exchange;
  counts.group.invalidReplies += 1;
  context.log.warn(
    { id, group, agent: attempts.owner, why },
    'an agent has sent a reply that is not valid, it is ended',
  );
  if (replyBody.isComplete) exchange.answered();
  else exchange.fail('upstream-failed');
  if (end === undefined) void exchange.cancel();
  return true;
}
