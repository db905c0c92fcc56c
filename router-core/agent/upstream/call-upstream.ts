import type { Duplex } from 'node:stream';
import { areFields, withoutFields, type FieldLines } from '../../http/field-lines.ts';
import { forwardReplyFields } from '../../http/forward-reply.ts';
import type { PulledRequest } from '../../exchange/agent-link.ts';
import type { FrameStream } from '../../exchange/frame-stream.ts';
import { encodeReplyHead, type ReplyHead } from '../../exchange/heads.ts';
import type { InstanceCounts } from '../agent-metrics.ts';
import type { AttemptTrace } from '../attempt-trace.ts';
import type { RequestSource } from '../request-source.ts';
import type { Upstream } from './upstream.ts';
import type { ReplyHandler } from './upstream-connection.ts';
import type { UpstreamCall } from './upstream-pool.ts';

export interface CallOptions {
  readonly upstream: Upstream;
  readonly request: PulledRequest;
  /** For the upstream. */
  readonly fields: FieldLines;
  readonly source: RequestSource | undefined;
  readonly reply: FrameStream;
  readonly instance: string;
  readonly counts: InstanceCounts;
  readonly trace: AttemptTrace | undefined;
  /** The call ended with an error before any byte of a reply. */
  readonly onUnanswered: (error: Error) => void;
  /** The upstream switched protocols: its connection. */
  readonly onSwitched: (socket: Duplex) => void;
}

/** The first frame of a reply: who answers, and with what head. `calledAt` by performance.now(). */
export function startReply(
  { reply, instance, counts, trace }: CallOptions,
  calledAt: number,
  { status, reason, fields }: Omit<ReplyHead, 'upstreamMs'>,
): void {
  const upstreamMs = Math.round((performance.now() - calledAt) * 10) / 10;
  counts.replied(status, upstreamMs);
  trace?.replied(status);
  reply.start({ owner: instance, head: encodeReplyHead({ status, reason, upstreamMs, fields }) });
}

/**
 * Calls the upstream with a request that is all here and turns what it answers into frames, as it comes. Redirects are the
 * client's business.
 */
export function callUpstream(options: CallOptions): UpstreamCall {
  const { upstream, request, reply } = options;
  const calledAt = performance.now();
  let answered = false;
  const handler: ReplyHandler = {
    onHead(status, reason, fields) {
      answered = true;
      startReply(options, calledAt, { status, reason, fields: forwardReplyFields(fields) });
    },
    onBody: (bytes) => reply.write(bytes),
    onEnd: (trailers) => reply.end(trailers.join('\n')),
    onError(error) {
      if (answered) reply.fail('upstream-failed', error.message);
      else options.onUnanswered(error);
    },
  };
  const { method } = request.head;
  try {
    return upstream.pool.call({ method, head: requestHead(options), body: request.body }, handler);
  } catch (error) {
    // Nothing was sent.
    options.onUnanswered(error as Error);
    return { abort: () => undefined, resume: () => undefined };
  }
}

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
/** What would end a target, or be cut to a byte that does. */
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/;
const HOST = /^host: /im;
const withoutLength = withoutFields(['Content-Length']);

/** The request line and the fields; how long the body is, we know best. Throws when it would be other lines than these. */
function requestHead({ upstream, request, fields }: CallOptions): string {
  const { head, body } = request;
  if (NOT_IN_TARGET.test(head.target)) throw new Error('the request target cannot be sent');
  if (!areFields(fields)) throw new Error('a field of the request cannot be sent');
  const kept = withoutLength(fields);
  const hadLength = kept.length < fields.length;
  let text = `${head.method} ${upstream.basePath + head.target} HTTP/1.1\r\n`;
  if (!HOST.test(fields)) text += `Host: ${upstream.host}\r\n`;
  text += kept;
  const length = body?.length ?? 0;
  if (length > 0 || hadLength || WITH_BODY.has(head.method)) text += `Content-Length: ${length}\r\n`;
  return `${text}Connection: keep-alive\r\n\r\n`;
}
