import { areFields, type FieldLines } from '../http/field-lines.ts';
import type { Frame } from '../exchange/frames.ts';
import { decodeReplyHead } from '../exchange/heads.ts';
import type { Exchange } from './exchange.ts';

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;
const CONTENT_LENGTH = /^content-length: /im;

/**
 * Sends the head of a reply, and with it the whole reply when the frame carries one: then it returns true.
 * The agent has already dropped hop-by-hop fields.
 */
export function sendHead(exchange: Exchange, frame: Frame): boolean {
  const { reply, req, context } = exchange;
  const { status, reason, upstreamMs, fields: theirs } = decodeReplyHead(frame.head ?? '');
  const queueMs = Math.max(0, performance.now() - exchange.receivedAt - upstreamMs);
  exchange.counts.replied(queueMs, upstreamMs);
  exchange.trace?.replied(queueMs);
  let ours = `Via: 1.1 mini-router\r\nRouter-Request-Id: ${exchange.id}\r\nRouter-Agent: ${exchange.owner}\r\n`;
  ours += `Server-Timing: queue;dur=${queueMs.toFixed(1)}, upstream;dur=${upstreamMs}\r\n`;
  if (exchange.preference !== undefined) ours += `Preference-Applied: ${exchange.preference}\r\n`;
  exchange.status = status;
  const hasBody = req.method !== 'HEAD' && status !== 204 && status !== 304;
  const isWhole = frame.end === '';
  if (isWhole && hasBody && !CONTENT_LENGTH.test(theirs)) {
    ours += `Content-Length: ${frame.body?.length ?? 0}\r\n`;
  }
  try {
    checkHead(status, reason, theirs, ours);
    const fields = theirs + ours;
    if (!isWhole) {
      exchange.awaitBody(status === 101 || frame.body !== undefined);
      reply.start(status, reason, fields);
      return false;
    }
    exchange.state = 'replying';
    exchange.replyBytes = hasBody ? (frame.body?.length ?? 0) : 0;
    reply.startAndEnd(status, reason, fields, hasBody ? frame.body : undefined);
    exchange.answered();
  } catch (error) {
    // A control character in a field of the upstream, most likely.
    context.log.warn({ err: error, id: exchange.id }, 'the reply is not valid HTTP');
    exchange.fail('upstream-failed');
    if (!isWhole) void exchange.cancel();
  }
  return true;
}

/** Throws unless this can be sent as it is. What an agent says is believed no more than what an upstream says. */
function checkHead(status: number, reason: string, theirs: FieldLines, ours: FieldLines): void {
  if (!(Number.isInteger(status) && status > 100 && status < 1_000)) throw new Error('the status is none');
  if (!REASON.test(reason)) throw new Error('the reason phrase cannot be sent');
  // Each on its own: theirs must not end within a line.
  if (!areFields(theirs) || !areFields(ours)) throw new Error('a field cannot be sent');
}

/** The reply is complete. */
export function sendEnd(exchange: Exchange, trailers: string): void {
  exchange.answered();
  exchange.reply.end(trailers === '' ? [] : trailers.split('\n'));
}
