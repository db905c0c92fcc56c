import { withoutFields, type FieldLines } from '../../http/field-lines.ts';
import { fieldValue, forwardReplyFields } from '../../http/forward-reply.ts';
import { nominatedFields } from '../../http/hop-by-hop.ts';
import { bodyFraming, requestHead } from '../../http/request-head.ts';
import type { UpstreamRequest } from '../../http/request-writer.ts';
import { forwardTrailers, trailerLines } from '../../http/trailers.ts';
import type { PulledRequest, ReplyStream } from '../../exchange/agent-link.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { encodeReplyHead, MOST_INTERIM_HEADS } from '../../exchange/heads.ts';
import type { InstanceCounts } from '../agent-metrics.ts';
import type { AttemptTrace } from '../attempt-trace.ts';
import type { Upstream } from './upstream.ts';
import type { ReplyHandler } from './upstream-connection.ts';
import type { UpstreamCall } from './upstream-pool.ts';

export interface CallOptions {
  readonly upstream: Upstream;
  readonly request: PulledRequest;
  /** The header fields for the upstream. */
  readonly fields: FieldLines;
  readonly reply: ReplyStream;
  readonly instance: string;
  readonly counts: InstanceCounts;
  readonly trace: AttemptTrace | undefined;
  /** The call failed before any byte of a reply. `reached`: the upstream may have got the request. */
  readonly onUnanswered: (error: Error, reached: boolean) => void;
}

const NO_CALL: UpstreamCall = {
  abort: () => undefined,
  resume: () => undefined,
  write: () => undefined,
  end: () => undefined,
};

/** Calls the upstream and turns its reply into frames as it comes. Redirects are passed on, not followed. */
export function callUpstream(options: CallOptions): UpstreamCall {
  const { upstream, request, reply } = options;
  const calledAt = performance.now();
  let head: string[] | undefined;
  let interims = 0;
  const handler: ReplyHandler = {
    onReady() {
      // The rest of a body is requested only now: until then the request can still be moved.
      if (request.bodyFollows && request.head.upgrade === '')
        reply.start({ owner: options.instance, credit: WINDOW_BYTES });
    },
    onInterim(status, reason, fields) {
      if (interims++ < MOST_INTERIM_HEADS) sendInterim(options, calledAt, status, reason, fields);
    },
    onHead(status, reason, fields) {
      head = fields;
      startReply(options, calledAt, status, reason, fields);
    },
    onBody: (bytes) => reply.write(bytes),
    onEnd: (trailers) => endReply(reply, trailers, head),
    onError(error, reached) {
      // After its first frame a reply has begun, and nobody else can make it.
      if (head || interims > 0) reply.fail('upstream-failed', error.message);
      else options.onUnanswered(error, reached);
    },
  };
  try {
    return upstream.pool.call(upstreamRequest(options), handler);
  } catch (error) {
    // Nothing was sent.
    options.onUnanswered(error as Error, true);
    return NO_CALL;
  }
}

function upstreamRequest({ upstream, request, fields }: CallOptions): UpstreamRequest {
  const framing = bodyFraming(request);
  return {
    method: request.head.method,
    head: requestHead(upstream, request, fields, framing),
    body: request.body,
    framing,
    follows: request.bodyFollows,
    trailers: request.trailers === '' ? '' : trailerLines(request.trailers),
  };
}

const withoutFraming = withoutFields(['Content-Length', 'Trailer']);

/** Sends the head of an interim reply, RFC 9110 §15.2, without the fields that describe a body: it has none. */
function sendInterim(
  { upstream, fields: sent, reply, instance }: CallOptions,
  calledAt: number,
  status: number,
  reason: string,
  raw: string[],
): void {
  upstream.rewriteLocations(raw, sent);
  const fields = withoutFraming(forwardReplyFields(raw));
  reply.interim(instance, encodeReplyHead({ status, reason, upstreamMs: since(calledAt), fields }));
}

/** ms, with one digit. */
function since(calledAt: number): number {
  return Math.round((performance.now() - calledAt) * 10) / 10;
}

/** The frame with the final head of a reply and its sender. `calledAt` by performance.now(). */
function startReply(
  { upstream, request, fields: sent, reply, instance, counts, trace }: CallOptions,
  calledAt: number,
  status: number,
  reason: string,
  raw: string[],
): void {
  const upstreamMs = since(calledAt);
  counts.replied(status, upstreamMs);
  trace?.replied(status);
  upstream.rewriteLocations(raw, sent);
  let fields = forwardReplyFields(raw);
  if (status !== 101)
    return reply.start({ owner: instance, head: encodeReplyHead({ status, reason, upstreamMs, fields }) });
  const protocol = fieldValue(raw, 'upgrade') ?? request.head.upgrade;
  fields += `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  const head = encodeReplyHead({ status, reason: 'Switching Protocols', upstreamMs, fields });
  // The client's bytes may come now.
  reply.start({ owner: instance, head, credit: WINDOW_BYTES });
}

function endReply(reply: ReplyStream, raw: string[], head: string[] = []): void {
  if (raw.length === 0) return reply.end();
  const trailers = forwardTrailers(raw, nominatedFields(head));
  if (trailers instanceof Error) reply.fail('upstream-failed', trailers.message);
  else reply.end(trailers.join('\n'));
}
