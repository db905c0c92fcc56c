import type { IncomingMessage } from 'node:http';
import type { HubExchange, HubExchangeHandlers } from '../exchange/hub-exchange.ts';
import type { HubLink } from '../exchange/hub-link.ts';
import { fieldGoesOn, type HeaderRules } from '../http/forward-request.ts';
import { isIdempotent, problemResponse, type ProblemCode } from '../http/problems.ts';
import type { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Tracer } from '../runtime/tracing.ts';
import { logExchange } from './access-log.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { HubConfig } from './settings.ts';
import type { Caller } from './app-directory.ts';
import { endFaulted } from './contain-fault.ts';
import type { BodyWatch } from './watch-bodies.ts';
import { BodyProgress } from './body-progress.ts';
import { Deadlines } from './deadlines.ts';
import { stateAfter, type ExchangeState } from './exchange-state.ts';
import type { DescriptorWatch } from './watch-descriptors.ts';
import type { RequestTrace } from './request-trace.ts';
import type { RequestCounts, RouteCounts } from './request-counts.ts';
import type { Policy } from './prepare-route.ts';
import type { RoutedRequest } from './snapshot.ts';
import { ReplyProgress } from './reply-progress.ts';
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
  readonly descriptors: DescriptorWatch;
  /** When an OpenTelemetry SDK is there. */
  readonly tracer: Tracer | undefined;
}

/** Codes with which the hub may end what an agent is already running. */
const ENDED_BY_US = new Set<ProblemCode>([
  'bad-request',
  'body-too-large',
  'request-timeout',
  'shutting-down',
  'unauthorized',
]);

/** Codes of those that were in line. */
const ENDED_IN_LINE = new Set<ProblemCode>([
  ...(['no-agent', 'paused', 'upstream-down', 'upstream-unreachable'] as const),
  ...(['queue-full', 'queue-timeout', 'limit-reached'] as const),
  ...(['shutting-down', 'unauthorized', 'store-unavailable'] as const),
]);

export interface ExchangeOptions {
  readonly context: HubContext;
  readonly routed: RoutedRequest;
  /** Whose token the request carries. */
  readonly caller: Caller | undefined;
  readonly req: IncomingMessage;
  readonly reply: ClientReply;
  /** Asks the client for its body (100 Continue), when it waits to be asked. */
  readonly sendContinue: (() => void) | undefined;
  /** What is done with what is heard of it. */
  readonly handlersOf: (exchange: Exchange) => HubExchangeHandlers;
}

export interface FailOptions {
  /** Seconds. */
  readonly retryAfterS?: number | undefined;
  /** For the client, see problems.ts. */
  readonly detail?: string;
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
  readonly req: IncomingMessage;
  readonly reply: ClientReply;
  readonly store: HubExchange;
  readonly receivedAt = performance.now();
  readonly body: BodyProgress;
  readonly replyBody = new ReplyProgress();
  readonly deadlines: Deadlines;
  readonly #headerRules: HeaderRules | undefined;
  #state: ExchangeState = 'reading';
  #owner = '';
  #status = 0;
  #moves = 0;
  #mayHaveRun = false;
  #isUnreached = false;
  #isAnswered = false;
  #problem: ProblemCode | undefined;
  #trace: RequestTrace | undefined;

  constructor({ context, routed, caller, req, reply, sendContinue, handlersOf }: ExchangeOptions) {
    this.context = context;
    const { group, scope, policy, preference, headerRules, counts } = routed;
    this.#headerRules = headerRules;
    this.group = group;
    this.scope = scope;
    this.policy = policy;
    this.preference = preference;
    this.counts = counts;
    this.caller = caller;
    this.isDuplex = routed.duplex || isGrpc(req);
    this.req = req;
    this.id = context.link.nextId();
    this.reply = reply;
    this.body = new BodyProgress(sendContinue);
    this.deadlines = new Deadlines(this, policy, this.receivedAt);
    const { attempts } = policy;
    this.store = context.link.open({ id: this.id, group, scope, attempts }, handlersOf(this));
    context.inFlight.set(this.id, this);
  }

  get state(): ExchangeState {
    return this.#state;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Who answers: the instance's name, from its first frame. */
  get owner(): string {
    return this.#owner;
  }

  /** Of the reply; 0: there is none. */
  get status(): number {
    return this.#status;
  }

  /** How often it has gone back into line. */
  get moves(): number {
    return this.#moves;
  }

  /** An agent has had it and could not connect to its upstream. */
  get isUnreached(): boolean {
    return this.#isUnreached;
  }

  /** With which error it has ended. */
  get problem(): ProblemCode | undefined {
    return this.#problem;
  }

  /** Whether running it twice does no harm. An Idempotency-Key says so only to an upstream that gets it. */
  get isRepeatable(): boolean {
    const { req, policy } = this;
    if (isIdempotent(req.method) || policy.retryUnsafe) return true;
    if (req.headers['idempotency-key'] === undefined) return false;
    return fieldGoesOn('idempotency-key', req.rawHeaders, this.#headerRules);
  }

  /** From now on its spans are those of this trace. */
  traced(trace: RequestTrace): void {
    this.#trace = trace;
  }

  /** Something is awaited before the request can be sent, for at most `ms`. */
  reading(ms: number, onExpire: () => unknown): void {
    this.#enter('reading', ms, onExpire);
  }

  /** It is being let in, for the first time or again. */
  admitting(): void {
    const { deadlines, policy } = this;
    deadlines.restartWait();
    deadlines.restartHead();
    // The store may stand still: the client is answered nevertheless.
    this.#enter('admitting', policy.firstByteMs, () => this.expire());
  }

  waiting(ms: number, onExpire: () => unknown): void {
    this.#enter('waiting', ms, onExpire);
  }

  handed(ms: number, onExpire: () => unknown): void {
    this.#enter('handed', ms, onExpire);
  }

  /** It was taken out of the group before anybody had pulled it. */
  unserved(): void {
    if (this.#state === 'handed') this.#state = stateAfter(this.#state, 'waiting');
  }

  pulledBy(owner: string): void {
    this.#owner = owner;
  }

  /** Its attempt is lost: it is to wait again, or to be let in again. `unseen`: why its upstream has certainly not seen it. */
  moved(unseen: 'unstarted' | 'unreachable' | undefined): void {
    this.#moves += 1;
    this.counts.group.redeliveries += 1;
    this.#owner = '';
    if (unseen === 'unreachable') this.#isUnreached = true;
    if (unseen !== undefined) return;
    this.#mayHaveRun = true;
    this.deadlines.restartWait();
  }

  /** The head of the reply has come. */
  replying(status: number, { queueMs, upstreamMs }: { queueMs: number; upstreamMs: number }): void {
    this.counts.replied(queueMs, upstreamMs);
    this.#trace?.replied(queueMs);
    this.#status = status;
    this.#state = stateAfter(this.#state, 'replying');
  }

  /** A part of the reply's body has come. */
  bodyMoved(bytes: number): void {
    this.replyBody.came(bytes);
    this.deadlines.bodyBegins();
    this.touch();
  }

  /** The client has the whole reply: its agent may take so long to say so, ms. */
  settling(ms: number): void {
    this.replyBody.complete();
    this.#enter('replying', ms, () => {
      this.answered();
      void this.cancel();
    });
  }

  #enter(state: ExchangeState, ms: number, onExpire: () => unknown): void {
    this.#state = stateAfter(this.#state, state);
    this.deadlines.set(ms, onExpire);
  }

  /** Something has moved: the idle time starts anew. */
  touch(): void {
    this.deadlines.touch();
  }

  /** Too late: 504, or a broken connection when the reply has begun. */
  expire(): void {
    this.fail('deadline');
    void this.cancel();
  }

  /** The reply cannot be followed any further, and whoever makes it is not to go on. */
  lost(why: string): void {
    const { context, counts, id, group, owner } = this;
    counts.group.invalidReplies += 1;
    context.log.warn(
      { id, group, agent: owner, why },
      'an agent has sent a reply that is not valid, it is ended',
    );
    this.fail('upstream-failed');
    void this.cancel();
  }

  /** The client has taken so much of the reply: grants it to the agent. */
  taken(bytes: number): void {
    if (this.done) return;
    try {
      this.touch();
      this.store.consumed(bytes);
    } catch (error) {
      this.fault(error);
    }
  }

  /** Ends the exchange with an error of the router: a problem response, or a broken connection after the head. */
  fail(code: ProblemCode, { retryAfterS, detail }: FailOptions = {}): void {
    if (this.done) return;
    this.context.log.debug({ id: this.id, code, state: this.state }, 'request failed');
    this.counts.failed(code);
    this.#problem = code;
    const { status, reason, fields, body } = problemResponse(code, {
      requestId: this.id,
      method: this.req.method,
      isRepeatable: this.isRepeatable,
      handedOver: this.#wasHandedOver(code),
      retryAfterS,
      detail,
    });
    if (this.reply.started) {
      this.finish();
      this.reply.abort();
      return;
    }
    const preference = this.preference === undefined ? '' : `Preference-Applied: ${this.preference}\r\n`;
    this.#status = status;
    this.replyBody.isWhole(body?.length ?? 0);
    this.finish();
    this.reply.startAndEnd(status, reason, fields + preference, body);
  }

  /** The same for what its client or this hub cannot go on with, wherever it is. */
  breakOff(code: ProblemCode, retryAfterS?: number): void {
    const { state } = this;
    if (state === 'done') return;
    this.fail(code, { retryAfterS });
    if (state !== 'reading' && state !== 'admitting') void this.cancel();
  }

  /** An agent may have run it: the one that has it, or one that was lost with it. */
  #wasHandedOver(code: ProblemCode): boolean {
    if (this.#state === 'handed') return ENDED_BY_US.has(code);
    return this.#mayHaveRun && ENDED_IN_LINE.has(code);
  }

  /** The client has gone: whatever runs for it is stopped. */
  clientGone(): void {
    if (this.done || this.replyBody.isComplete) return;
    const { state } = this;
    try {
      this.finish();
    } catch (error) {
      this.fault(error);
    }
    if (state !== 'reading' && state !== 'admitting') void this.cancel();
  }

  /** Stops the request wherever it is. Tried until that has succeeded. Never rejects. */
  async cancel(): Promise<void> {
    this.counts.group.cancels += 1;
    try {
      await this.store.cancel();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Code that ran for this request has thrown: that ends this request, and nothing else. Never throws. */
  fault(error: unknown): void {
    endFaulted(this, error);
  }

  /** The whole reply is with the client: nothing that the agent could still read is needed. */
  answered(): void {
    this.#isAnswered = true;
    this.finish();
  }

  /** The outcome is decided: timers, reader and keys go. */
  finish(): void {
    if (this.done) return;
    const { inFlight, link, rates, config } = this.context;
    const { state } = this;
    this.#state = stateAfter(state, 'done');
    inFlight.delete(this.id);
    this.deadlines.clear();
    this.store.close(this.#isAnswered);
    if (state === 'replying') rates.served(this.group);
    if (this.caller) link.leaveApp(this.caller.app.name, this.id);
    const totalMs = performance.now() - this.receivedAt;
    this.counts.ended(this.#status, totalMs);
    this.#trace?.ended(this.#status);
    if (config.accessLog) logExchange(this, totalMs);
  }
}

/** The server may speak first, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. */
function isGrpc({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('application/grpc') ?? false;
}
