import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { FrameStream } from '../exchange/frame-stream.ts';
import { WINDOW_BYTES } from '../exchange/frame-stream.ts';
import type { Frame } from '../exchange/frames.ts';
import type { GroupQueue } from '../redis/hub/group-queue.ts';
import type { HubLink } from '../redis/hub/hub-link.ts';
import type { FrameReader } from '../exchange/frame-reader.ts';
import { isIdempotent, problemResponse, type ProblemCode } from '../http/problems.ts';
import type { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Tracer } from '../runtime/tracing.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { HubConfig } from './config.ts';
import type { Caller } from './app-directory.ts';
import type { BodyWatch } from './watch-bodies.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { RequestTrace } from './request-trace.ts';
import type { RequestCounts, RouteCounts } from './request-counts.ts';
import type { Policy } from './prepare-route.ts';
import type { RoutedRequest } from './snapshot.ts';
import type { ServiceRate } from './service-rate.ts';

/** What all exchanges of a hub share. */
export interface HubContext {
  readonly config: HubConfig;
  readonly link: HubLink;
  readonly log: Logger;
  readonly inFlight: ChurnMap<Exchange>;
  readonly rates: ServiceRate;
  readonly counts: RequestCounts;
  /** Bodies that have not arrived. */
  readonly bodies: BodyWatch;
  /** When an OpenTelemetry SDK is there. */
  readonly tracer: Tracer | undefined;
}

/**
 * The life of one request at the hub that holds its client:
 *
 *     reading ─▶ admitting ─▶ waiting ─▶ handed ─▶ replying ─▶ done
 *                    └────────────────────┘  (a free slot: no waiting; a lost agent: back to waiting)
 *
 * Every phase can end in `done`: answered, refused, client gone, deadline. Exactly one of these happens.
 */
export type ExchangeState = 'reading' | 'admitting' | 'waiting' | 'handed' | 'replying' | 'done';

/** Codes with which the hub may end what an agent is already running. */
const ENDED_BY_US = new Set<ProblemCode>([
  'bad-request',
  'body-too-large',
  'request-timeout',
  'shutting-down',
  'unauthorized',
]);

/** Codes of those that were in line. */
const ENDED_IN_LINE = new Set<ProblemCode>(['queue-timeout', 'no-agent', 'shutting-down', 'unauthorized']);

export interface ExchangeOptions {
  readonly context: HubContext;
  readonly routed: RoutedRequest;
  /** Whose token the request carries. */
  readonly caller: Caller | undefined;
  readonly req: IncomingMessage;
  readonly reply: ClientReply;
  /** Asks the client for its body (100 Continue), when it waits to be asked. */
  readonly sendContinue: (() => void) | undefined;
  readonly onFrame: (exchange: Exchange, frame: Frame) => void;
}

export class Exchange {
  readonly id: string;
  readonly context: HubContext;
  readonly group: string;
  readonly scope: string | undefined;
  readonly policy: Policy;
  readonly preference: string | undefined;
  readonly counts: RouteCounts;
  readonly caller: Caller | undefined;
  /** It may run before its body is there. */
  readonly isDuplex: boolean;
  readonly queue: GroupQueue;
  readonly req: IncomingMessage;
  readonly reply: ClientReply;
  readonly reader: FrameReader;
  readonly receivedAt = performance.now();
  state: ExchangeState = 'reading';
  /** Where the request is in Redis, as far as we heard; see admit.lua. */
  place = '';
  /** Who answers: the instance's name, from its first frame. */
  owner = '';
  status = 0;
  trace: RequestTrace | undefined;
  /** Request body bytes so far. */
  bodyBytes = 0;
  /** How long this hub has waited for them, ms; see watch-bodies.ts. */
  bodyWaitMs = 0;
  /** Frames to the agent: made when the first one is needed. */
  stream: FrameStream | undefined;
  /** The part of a request body that did not fit inline; flows once the agent asks for it. */
  rest: Readable | undefined;
  #sendContinue: (() => void) | undefined;
  readonly #timer = new DeadlineTimer();
  #taken = 0;
  #isAnswered = false;

  constructor({ context, routed, caller, req, reply, sendContinue, onFrame }: ExchangeOptions) {
    this.context = context;
    const { group, scope, policy, preference, counts } = routed;
    this.group = group;
    this.scope = scope;
    this.policy = policy;
    this.preference = preference;
    this.counts = counts;
    this.caller = caller;
    this.isDuplex = routed.duplex || isGrpc(req);
    this.req = req;
    this.id = context.link.nextId();
    this.queue = context.link.queue(group);
    this.reply = reply;
    this.#sendContinue = sendContinue;
    this.reader = {
      id: this.id,
      attempt: 1,
      key: this.queue.replyKey(this.id, 1),
      lastSeq: 0,
      heardAt: this.receivedAt,
      onFrame: (frame) => onFrame(this, frame),
    };
    context.inFlight.set(this.id, this);
  }

  get done(): boolean {
    return this.state === 'done';
  }

  /** Whether running it twice does no harm. */
  get isRepeatable(): boolean {
    const { req, policy } = this;
    return isIdempotent(req.method) || req.headers['idempotency-key'] !== undefined || policy.retryUnsafe;
  }

  /** ms until nobody awaits the reply. */
  get remainingMs(): number {
    return this.receivedAt + this.policy.totalMs - performance.now();
  }

  /** Enters a phase that may last `ms` at most; the deadline of the whole request counts too. */
  enter(state: ExchangeState, ms: number, onExpire: () => void): void {
    this.state = state;
    const total = this.remainingMs;
    if (ms < total) this.#timer.set(ms, onExpire);
    else this.#timer.set(Math.max(1, total), () => this.expire());
  }

  /** Something has moved: the idle time starts anew. */
  touch(): void {
    this.#timer.push(Math.max(1, Math.min(this.policy.idleMs, this.remainingMs)));
  }

  /** Too late: 504, or a broken connection when the reply has begun. */
  expire(): void {
    this.fail('deadline');
    void this.cancel();
  }

  /** The client has taken so much of the reply: grants it to the agent. Small replies never get to a grant. */
  taken(bytes: number): void {
    this.#taken += bytes;
    if (this.done) return;
    this.touch();
    if (this.#taken < WINDOW_BYTES / 4) return;
    this.openStream(0).consume(this.#taken, this.reader.lastSeq);
    this.#taken = 0;
  }

  /** Asks the client for its body, once, if it waits to be asked. */
  askForBody(): void {
    this.#sendContinue?.();
    this.#sendContinue = undefined;
  }

  /** Frames to whoever runs the request. */
  openStream(credit: number): FrameStream {
    const { id, owner: reader, queue } = this;
    const { attempt } = this.reader;
    this.stream ??= queue.openStream({ id, attempt, reader, credit, onWritable: () => this.rest?.resume() });
    return this.stream;
  }

  /** Ends the exchange with an error of the router: a problem response, or a broken connection after the head. */
  fail(code: ProblemCode, retryAfterS?: number): void {
    if (this.done) return;
    this.context.log.debug({ id: this.id, code, state: this.state }, 'request failed');
    this.counts.failed(code);
    const { status, reason, fields, body } = problemResponse(code, {
      requestId: this.id,
      method: this.req.method,
      handedOver: this.#wasHandedOver(code),
      retryAfterS,
    });
    if (this.reply.started) {
      this.finish();
      this.reply.abort();
      return;
    }
    const preference = this.preference === undefined ? '' : `Preference-Applied: ${this.preference}\r\n`;
    this.status = status;
    this.finish();
    this.reply.startAndEnd(status, reason, fields + preference, body);
  }

  /** The same for what its client or this hub cannot go on with, wherever it is. */
  breakOff(code: ProblemCode, retryAfterS?: number): void {
    const { state } = this;
    if (state === 'done') return;
    this.fail(code, retryAfterS);
    if (state !== 'reading' && state !== 'admitting') void this.cancel();
  }

  /** An agent may have run it: the one that has it, or one that was lost with it. */
  #wasHandedOver(code: ProblemCode): boolean {
    if (this.state === 'handed') return ENDED_BY_US.has(code);
    // What may not run twice is in line again only when it has certainly not run.
    return this.reader.attempt > 1 && this.isRepeatable && ENDED_IN_LINE.has(code);
  }

  /** The client has gone: whatever runs for it is stopped. */
  clientGone(): void {
    if (this.done) return;
    const { state } = this;
    this.finish();
    if (state !== 'reading' && state !== 'admitting') void this.cancel();
  }

  /** Stops the request wherever it is. Tried until Redis has taken it. */
  cancel(): Promise<unknown> {
    this.counts.group.cancels += 1;
    return this.queue.cancel(this.id, this.place, false);
  }

  /** The whole reply is with the client: nothing that the agent could still read is needed. */
  answered(): void {
    this.#isAnswered = true;
    this.finish();
  }

  /** The outcome is decided: timers, reader and keys go. */
  finish(): void {
    if (this.done) return;
    const { inFlight, link, rates, config, log } = this.context;
    const { state, stream } = this;
    this.state = 'done';
    this.#timer.clear();
    link.inbox.close(this.reader);
    stream?.close();
    inFlight.delete(this.id);
    if (state === 'replying') rates.served(this.group);
    if (this.caller) link.appLimits.leave(this.caller.app.name, this.id);
    if (state !== 'reading') {
      // Of a request that was cancelled the up stream stays: it tells the agent, if the doorbell does not.
      this.queue.forget(this.id, this.reader.attempt, this.#isAnswered && (stream?.used ?? false));
    }
    const totalMs = performance.now() - this.receivedAt;
    this.counts.ended(this.status, totalMs);
    this.trace?.ended(this.status);
    if (config.accessLog) {
      const ms = Math.round(totalMs);
      const { method, url } = this.req;
      log.info(
        { id: this.id, group: this.group, method, url, status: this.status, agent: this.owner, ms },
        'request',
      );
    }
  }
}

/** The server may speak first, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. */
function isGrpc({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('application/grpc') ?? false;
}

/** Handed over: the head of the reply is due. */
export function awaitHead(exchange: Exchange): void {
  exchange.enter('handed', exchange.policy.firstByteMs, () => exchange.expire());
}
