import type { FieldLines } from '../http/field-lines.ts';
import { trailerLines } from '../http/trailers.ts';
import type {
  AgentExchange,
  AgentLink,
  ExchangeHandlers,
  RequeueReason,
  PulledRequest,
} from '../exchange/agent-link.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Tracer } from '../runtime/tracing.ts';
import type { InstanceCounts } from './agent-metrics.ts';
import { AttemptTrace } from './attempt-trace.ts';
import { describeError, isShortage } from './upstream/call-errors.ts';
import { callUpstream } from './upstream/call-upstream.ts';
import type { UpstreamCall } from './upstream/upstream-pool.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface RunOptions {
  readonly link: AgentLink;
  readonly upstream: Upstream;
  readonly request: PulledRequest;
  readonly fieldsFor: (fields: FieldLines) => FieldLines;
  /** The upstream could not be reached. Resolves when the group knows. */
  readonly onUnreachable: (reason: string) => Promise<void>;
  /** The slot is free again. Called once. */
  readonly onDone: () => void;
  readonly counts: InstanceCounts;
  /** Undefined without an OpenTelemetry SDK. */
  readonly tracer: Tracer | undefined;
  readonly log: Logger;
}

/** One pulled request at work: calls the upstream, sends the reply, stops when nobody awaits it. */
export class RunningRequest implements ExchangeHandlers {
  readonly #options: RunOptions;
  readonly #exchange: AgentExchange;
  readonly #startedAt = performance.now();
  readonly #trace: AttemptTrace | undefined;
  #call: UpstreamCall | undefined;
  #stopped = false;

  constructor(options: RunOptions) {
    this.#options = options;
    const { link, request, tracer } = options;
    this.#trace = tracer && new AttemptTrace(tracer, request, link.instance);
    this.#exchange = link.open(request, this);
    // Nobody awaits the reply any more: settled without having run.
    if (request.remainingMs <= 0) this.onStop('deadline');
    else if (request.mayHaveRun)
      this.#exchange.reply.fail('agent-lost', 'another Redis has taken over since');
    else this.#start();
  }

  /** Ends the call because the agent is stopping, and informs the hub. */
  cut(): void {
    this.#exchange.reply.fail('agent-lost', 'the agent was stopped');
    this.onStop('draining');
  }

  onBody(chunk: Buffer): void {
    this.#call?.write(chunk, (error) => {
      if (!error) this.#exchange.consume(chunk.length);
    });
  }

  onBodyEnd(trailers: string): void {
    try {
      this.#call?.end(trailerLines(trailers));
    } catch (error) {
      this.#call?.abort();
      this.#exchange.reply.fail('upstream-failed', (error as Error).message);
    }
  }

  onStop(why: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.counts.stops += 1;
    this.#options.log.debug({ id: this.#options.request.id, why }, 'stopping a request');
    this.#call?.abort();
    this.#exchange.reply.close();
  }

  onWritable(): void {
    this.#call?.resume();
  }

  onSettled(): void {
    const { counts, onDone } = this.#options;
    this.#trace?.ended();
    counts.total.observe(performance.now() - this.#startedAt);
    onDone();
  }

  #start(): void {
    const { link, upstream, request, fieldsFor, counts } = this.#options;
    this.#trace?.called(upstream.host);
    this.#call = callUpstream({
      upstream,
      request,
      fields: fieldsFor(request.head.fields),
      reply: this.#exchange.reply,
      instance: link.instance,
      counts,
      trace: this.#trace,
      onUnanswered: (error, reached) => void this.#onUnanswered(error, reached),
    });
  }

  async #onUnanswered(error: Error, reached: boolean): Promise<void> {
    const { link, request, log, onUnreachable, counts } = this.#options;
    const why = whyRequeued(error, reached);
    counts[reached ? 'failed' : 'unreached'] += 1;
    this.#trace?.failed(error);
    const about = { id: request.id, attempt: request.attempt, err: error };
    // The watch logs a shortage once, with its reason.
    if (why === 'unstarted') log.debug(about, 'no connection can be opened, requeueing the request');
    else log.warn(about, reached ? 'upstream failed' : 'upstream not reached');
    if (!reached) await onUnreachable(describeError(error));
    if (this.#stopped) return;
    const moved = await link.requeue(request, why, error.message);
    if (moved) counts.requeued += 1;
    if (moved) return this.#exchange.abandon();
    this.#exchange.reply.fail(reached ? 'upstream-failed' : 'upstream-unreachable', error.message);
  }
}

/** A shortage of this machine says nothing about the upstream, and costs the request no attempt. */
function whyRequeued(error: Error, reached: boolean): RequeueReason {
  if (reached) return 'failed';
  return isShortage(error) ? 'unstarted' : 'unreachable';
}
