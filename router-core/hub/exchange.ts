import type { HubExchange, HubExchangeHandlers } from '../exchange/hub-exchange.ts';
import { withCors } from '../http/cors.ts';
import { problemResponse, type ProblemCode } from '../http/problems.ts';
import type { Caller } from './app-directory.ts';
import { Attempts } from './attempts.ts';
import { BodyProgress } from './body-progress.ts';
import { endFaulted } from './contain-fault.ts';
import { Deadlines } from './deadlines.ts';
import { stateAfter, type ExchangeState } from './exchange-state.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { RunningRequest } from './front/request-handler.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { HubContext } from './hub-context.ts';
import type { Policy } from './prepare-route.ts';
import { recordOutcome } from './record-outcome.ts';
import { ReplyProgress } from './reply-progress.ts';
import type { RouteCounts } from './request-counts.ts';
import { isRepeatable } from './request-kind.ts';
import type { RequestTrace } from './request-trace.ts';
import type { RoutedRequest } from './snapshot.ts';

export interface ExchangeOptions {
  readonly context: HubContext;
  readonly routed: RoutedRequest;
  /** The app whose token the request carries. */
  readonly caller: Caller | undefined;
  readonly request: ClientRequest;
  readonly reply: ClientReply;
  /** Makes the handlers of what the link tells of the exchange. */
  readonly handlersOf: (exchange: Exchange) => HubExchangeHandlers;
}

export interface FailOptions {
  /** Seconds. */
  readonly retryAfterS?: number | undefined;
  /** For the client, see problems.ts. */
  readonly detail?: string;
}

/**
 * One request and its reply at the hub that holds the client. It alone changes its state, and it ends exactly once. Others count
 * for it: its agents (attempts), its bodies, its timers (deadlines), and its outcome (record-outcome.ts).
 */
export class Exchange implements RunningRequest {
  readonly id: string;
  readonly context: HubContext;
  readonly routed: RoutedRequest;
  readonly group: string;
  readonly policy: Policy;
  readonly counts: RouteCounts;
  readonly caller: Caller | undefined;
  readonly request: ClientRequest;
  readonly reply: ClientReply;
  readonly store: HubExchange;
  readonly receivedAt = performance.now();
  readonly attempts = new Attempts();
  readonly body = new BodyProgress();
  readonly replyBody = new ReplyProgress();
  readonly deadlines: Deadlines;
  /** Undefined for all but silent event streams of routes that ask for it. */
  heartbeat: Heartbeat | undefined;
  #state: ExchangeState = 'reading';
  #status = 0;
  #isAnswered = false;
  #problem: ProblemCode | undefined;
  #trace: RequestTrace | undefined;
  #client: string | undefined;

  constructor({ context, routed, caller, request, reply, handlersOf }: ExchangeOptions) {
    this.context = context;
    const { group, scope, policy, counts } = routed;
    this.routed = routed;
    this.group = group;
    this.policy = policy;
    this.counts = counts;
    this.caller = caller;
    this.request = request;
    this.id = context.link.nextId();
    this.reply = reply;
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

  /** Address of the client, as far as trusted proxies tell it. */
  get client(): string {
    return (this.#client ??= this.context.proxies.clientOf(this.request).address);
  }

  get isReplyDue(): boolean {
    return !this.done && !this.replyBody.isComplete;
  }

  /** Status of the reply. 0 while there is none. */
  get status(): number {
    return this.#status;
  }

  /** The error that has ended it. */
  get problem(): ProblemCode | undefined {
    return this.#problem;
  }

  get isRepeatable(): boolean {
    return isRepeatable(this.request, this.routed);
  }

  /** From now on its spans are those of this trace. */
  traced(trace: RequestTrace): void {
    this.#trace = trace;
  }

  /** The hub awaits something before it can send the request, for at most `ms`. */
  reading(ms: number, onExpire: () => unknown): void {
    this.#enter('reading', ms, onExpire);
  }

  /** The request is on its way into its group, for the first time or again. */
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

  /** The request was taken out of the group before any agent had pulled it. */
  unserved(): void {
    if (this.#state === 'handed') this.#state = stateAfter(this.#state, 'waiting');
  }

  /** The attempt is lost: the request has to wait again, or to be admitted again. `unseen`: see `Moved`. */
  moved(unseen: 'unstarted' | 'unreachable' | undefined): void {
    this.counts.group.redeliveries += 1;
    this.attempts.lost(unseen);
    if (unseen === undefined) this.deadlines.restartWait();
  }

  /** The head of the reply has come. */
  replying(status: number, queueMs: number, upstreamMs: number): void {
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

  /** The client has the whole reply: its agent may take `ms` to say so. */
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

  /** A byte has moved: the idle time starts anew. */
  touch(): void {
    this.deadlines.touch();
  }

  /** The deadline has passed: 504, or a broken connection when the reply has begun. */
  expire(): void {
    this.fail('deadline');
    void this.cancel();
  }

  /** The client has taken so many bytes of the reply: grants them to the agent. */
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
      method: this.request.method,
      isRepeatable: this.isRepeatable,
      handedOver: this.attempts.mayHaveRun(this.#state, code),
      retryAfterS,
      detail,
    });
    if (this.reply.started) {
      this.finish();
      this.reply.abort();
      return;
    }
    const { preference, cors } = this.routed;
    const applied = preference === undefined ? '' : `Preference-Applied: ${preference}\r\n`;
    const all = fields + applied;
    this.#status = status;
    this.replyBody.isWhole(body?.length ?? 0);
    this.finish();
    this.reply.startAndEnd(
      status,
      reason,
      cors ? withCors(cors, this.request.field('origin'), all) : all,
      body,
    );
  }

  /** Ends the exchange with an error, and stops the request wherever it is: its client or this hub cannot go on. */
  breakOff(code: ProblemCode, retryAfterS?: number): void {
    const { state } = this;
    if (state === 'done') return;
    this.fail(code, { retryAfterS });
    if (state !== 'reading' && state !== 'admitting') void this.cancel();
  }

  /** The client has gone: whatever runs for it is stopped. */
  clientGone(): void {
    if (!this.isReplyDue) return;
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

  /** Code that ran for this request has thrown. That ends this request, and nothing else. Never throws. */
  fault(error: unknown): void {
    endFaulted(this, error);
  }

  /** The client has the whole reply: the agent can read nothing more that it needs. */
  answered(): void {
    this.#isAnswered = true;
    this.finish();
  }

  /** The outcome is decided: timers, reader and keys go. */
  finish(): void {
    if (this.done) return;
    const from = this.#state;
    this.#state = stateAfter(from, 'done');
    this.context.inFlight.delete(this.id);
    this.deadlines.clear();
    this.heartbeat?.close();
    this.store.close(this.#isAnswered);
    recordOutcome(this, from, this.#trace);
  }
}
