import type { Frame } from '../protocol/frames.ts';
import { decodeReplyHead } from '../protocol/heads.ts';
import type { Exchange } from './exchange.ts';

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
  let fields = `${theirs}Via: 1.1 mini-router\r\nRouter-Request-Id: ${exchange.id}\r\nRouter-Agent: ${exchange.owner}\r\n`;
  fields += `Server-Timing: queue;dur=${queueMs.toFixed(1)}, upstream;dur=${upstreamMs}\r\n`;
  if (exchange.preference !== undefined) fields += `Preference-Applied: ${exchange.preference}\r\n`;
  exchange.status = status;
  const hasBody = req.method !== 'HEAD' && status !== 204 && status !== 304;
  const isWhole = frame.end === '';
  if (isWhole && hasBody && !CONTENT_LENGTH.test(theirs)) {
    fields += `Content-Length: ${frame.body?.length ?? 0}\r\n`;
  }
  try {
    if (!isWhole) {
      exchange.enter('replying', exchange.policy.idleMs, () => exchange.expire());
      reply.start(status, reason, fields);
      if (!frame.body) reply.flush();
      return false;
    }
    exchange.state = 'replying';
    reply.startAndEnd(status, reason, fields, hasBody ? frame.body : undefined);
    exchange.answered();
  } catch (error) {
    // Node refuses to send what the upstream sent: a control character in a field.
    context.log.warn({ err: error, id: exchange.id }, 'the reply is not valid HTTP');
    exchange.fail('upstream-failed');
    if (!isWhole) void exchange.cancel();
  }
  return true;
}

/** The reply is complete. */
export function sendEnd(exchange: Exchange, trailers: string): void {
  exchange.answered();
  exchange.reply.end(trailers === '' ? [] : trailers.split('\n'));
}
