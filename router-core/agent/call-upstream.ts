import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { fieldValue, forwardReplyHeaders } from '../http/forward-reply.ts';
import type { PulledRequest } from '../protocol/agent-link.ts';
import type { FrameStream } from '../protocol/frame-stream.ts';
import { encodeReplyHead } from '../protocol/heads.ts';
import type { InstanceCounts } from './agent-metrics.ts';
import type { AttemptTrace } from './attempt-trace.ts';
import type { RequestSource } from './request-source.ts';
import type { Upstream } from './upstream.ts';

export interface CallOptions {
  readonly upstream: Upstream;
  readonly request: PulledRequest;
  readonly headers: string[];
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

export interface UpstreamCall {
  /** Ends the call; the upstream sees its connection close. */
  abort(): void;
  /** The reply window has opened. */
  resume(): void;
}

/**
 * undici's own interface to its parser. Its newer one hands over header fields as an object, which loses their order,
 * their spelling and their duplicates.
 */
interface RawHandler {
  onConnect(abort: () => void): void;
  onHeaders(status: number, fields: Buffer[], resume: () => void, reason: string): boolean;
  onData(chunk: Buffer): boolean;
  onComplete(trailers: Buffer[] | null): void;
  onUpgrade(status: number, fields: Buffer[] | null, socket: Duplex): void;
  onError(error: Error): void;
}

/** The first frame of a reply: who answers, and with what head. `calledAt` by performance.now(). */
export function startReply(
  { reply, instance, counts, trace }: CallOptions,
  calledAt: number,
  { status, reason, headers }: { status: number; reason: string; headers: string[] },
): void {
  const upstreamMs = Math.round((performance.now() - calledAt) * 10) / 10;
  counts.replied(status, upstreamMs);
  trace?.replied(status);
  reply.start({ owner: instance, head: encodeReplyHead({ status, reason, upstreamMs, headers }) });
}

/**
 * Calls the upstream with a request that is all here and turns what it answers into frames, as it comes. Redirects are the
 * client's business.
 */
export function callUpstream(options: CallOptions): UpstreamCall {
  const { upstream, request, headers } = options;
  const { method, target, upgrade } = request.head;
  const call = new Call(options);
  try {
    upstream.pool.dispatch(
      {
        path: upstream.basePath + target,
        method,
        headers,
        body: request.body ?? null,
        upgrade: upgrade === '' ? null : upgrade,
      },
      call satisfies RawHandler as Dispatcher.DispatchHandler,
    );
  } catch (error) {
    // Refused by the HTTP client itself: nothing was sent.
    options.onUnanswered(error instanceof Error ? error : new Error(String(error)));
  }
  return call;
}

class Call implements RawHandler, UpstreamCall {
  readonly #options: CallOptions;
  readonly #calledAt = performance.now();
  #abort: (() => void) | undefined;
  #resume: (() => void) | undefined;
  #answered = false;
  #status = 0;
  #aborted = false;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  abort(): void {
    this.#aborted = true;
    this.#abort?.();
  }

  resume(): void {
    this.#resume?.();
  }

  onConnect(abort: () => void): void {
    this.#abort = abort;
    if (this.#aborted) abort();
  }

  onHeaders(status: number, fields: Buffer[], resume: () => void, reason: string): boolean {
    // Interim replies (1xx) end here.
    if (status < 200) return true;
    this.#resume = resume;
    this.#start(status, asLatin1(status, reason), forwardReplyHeaders(latin1(fields)));
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#options.reply.write(chunk);
  }

  onComplete(trailers: Buffer[] | null): void {
    this.#options.reply.end(trailers && trailers.length > 0 ? latin1(trailers).join('\n') : '');
  }

  onUpgrade(status: number, raw: Buffer[] | null, socket: Duplex): void {
    const fields = latin1(raw ?? []);
    const protocol = fieldValue(fields, 'upgrade') ?? this.#options.request.head.upgrade;
    const headers = [...forwardReplyHeaders(fields), 'Connection', 'Upgrade', 'Upgrade', protocol];
    this.#start(status, 'Switching Protocols', headers);
    this.#options.onSwitched(socket);
  }

  onError(error: Error): void {
    if (this.#aborted) return;
    // undici misses the body of a 304 that says how long its 200 would be, RFC 9110 §8.6.
    if (this.#status === 304) this.#options.reply.end();
    else if (this.#answered) this.#options.reply.fail('upstream-failed', error.message);
    else this.#options.onUnanswered(error);
  }

  #start(status: number, reason: string, headers: string[]): void {
    this.#answered = true;
    this.#status = status;
    startReply(this.#options, this.#calledAt, { status, reason, headers });
  }
}

/** Fields come as bytes from the parser, RFC 9110 §5.5: latin1 keeps every one. */
function latin1(fields: Buffer[]): string[] {
  return fields.map((field) => field.toString('latin1'));
}

/** undici reads reason phrases as UTF-8; what that has destroyed is replaced by the usual phrase. */
function asLatin1(status: number, reason: string): string {
  if (/^[\x20-\x7e]*$/.test(reason)) return reason;
  if (reason.includes('\ufffd')) return STATUS_CODES[status] ?? '';
  return Buffer.from(reason, 'utf8').toString('latin1');
}
