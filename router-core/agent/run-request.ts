import type { Duplex } from 'node:stream';
import type { FieldLines } from '../http/field-lines.ts';
import type { AgentLink, Exchange, ExchangeHandlers, PulledRequest } from '../exchange/agent-link.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Tracer } from '../runtime/tracing.ts';
import type { InstanceCounts } from './agent-metrics.ts';
import { AttemptTrace } from './attempt-trace.ts';
import { callUpstream, type CallOptions } from './upstream/call-upstream.ts';
import { callStreaming, isStreaming } from './upstream/call-streaming.ts';
import { RequestSource } from './request-source.ts';
import { SwitchedConnection } from './switched-connection.ts';
import { isUnreached } from './upstream/unreached.ts';
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
  /** When an OpenTelemetry SDK is there. */
  readonly tracer: Tracer | undefined;
  readonly log: Logger;
}

/** One pulled request at work: upstream call out, reply back, stopped when nobody awaits it. */
export class RunningRequest implements ExchangeHandlers {
  readonly #options: RunOptions;
  readonly #exchange: Exchange;
  readonly #startedAt = performance.now();
  readonly #trace: AttemptTrace | undefined;
  #call: UpstreamCall | undefined;
  #source: RequestSource | undefined;
  #switched: SwitchedConnection | undefined;
  #trailers: string;
  #stopped = false;

  constructor(options: RunOptions) {
    this.#options = options;
    const { link, request, tracer } = options;
    this.#trace = tracer && new AttemptTrace(tracer, request, link.instance);
    this.#trailers = request.trailers;
    this.#exchange = link.open(request, this);
    // Nobody awaits it any more: settled without having run.
    if (request.remainingMs <= 0) this.onStop('deadline');
    else if (request.mayHaveRun)
      this.#exchange.reply.fail('agent-lost', 'another Redis has taken over since');
    else this.#start();
  }

  /** Time is up for this agent: the call ends, and the hub is told so. */
  cut(): void {
    this.#exchange.reply.fail('agent-lost', 'the agent was stopped');
    this.onStop('draining');
  }

  onBody(chunk: Buffer): void {
    if (this.#switched) this.#switched.receive(chunk);
    else this.#source?.receive(chunk);
  }

  onBodyEnd(trailers: string): void {
    this.#trailers = trailers;
    if (this.#switched) this.#switched.end();
    else this.#source?.complete();
  }

  onStop(why: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.counts.stops += 1;
    this.#options.log.debug({ id: this.#options.request.id, why }, 'stopping a request');
    this.#call?.abort();
    this.#switched?.destroy();
    this.#exchange.reply.close();
  }

  onWritable(): void {
    this.#call?.resume();
    this.#switched?.resume();
  }

  onSettled(): void {
    const { counts, onDone } = this.#options;
    this.#trace?.ended();
    counts.total.observe(performance.now() - this.#startedAt);
    onDone();
  }

  #start(): void {
    const { link, upstream, request, fieldsFor, counts } = this.#options;
    const exchange = this.#exchange;
    const { instance } = link;
    if (request.bodyFollows && request.head.upgrade === '') {
      this.#source = new RequestSource(request, exchange, instance);
    }
    const call: CallOptions = {
      upstream,
      request,
      fields: fieldsFor(request.head.fields),
      source: this.#source,
      reply: exchange.reply,
      instance,
      counts,
      trace: this.#trace,
      onUnanswered: (error) => void this.#onUnanswered(error),
      onSwitched: (socket: Duplex) => {
        this.#switched = new SwitchedConnection(socket, exchange, instance);
      },
    };
    this.#trace?.called(upstream.url);
    this.#call = isStreaming(request)
      ? callStreaming({ ...call, trailers: () => this.#trailers })
      : callUpstream(call);
  }

  async #onUnanswered(error: Error): Promise<void> {
    const { link, request, log, onUnreachable, counts } = this.#options;
    const unreached = isUnreached(error);
    counts[unreached ? 'unreached' : 'failed'] += 1;
    this.#trace?.failed(error);
    const what = unreached ? 'upstream not reached' : 'upstream failed';
    log.warn({ id: request.id, attempt: request.attempt, err: error }, what);
    if (unreached) await onUnreachable(error.message);
    if (this.#stopped) return;
    const moved = await link.giveBack(request, unreached ? 'unreachable' : 'failed', error.message);
    if (moved) counts.givenBack += 1;
    if (moved) return this.#exchange.abandon();
    this.#exchange.reply.fail(unreached ? 'upstream-unreachable' : 'upstream-failed', error.message);
  }
}
