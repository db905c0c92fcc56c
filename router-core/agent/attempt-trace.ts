import { SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import type { PulledRequest } from '../exchange/agent-link.ts';
import { parentOf, type Tracer } from '../runtime/tracing.ts';

/** The spans of one attempt at its agent: the attempt, and the call of the upstream inside it. Made only with an SDK. */
export class AttemptTrace {
  readonly #tracer: Tracer;
  readonly #context: Context;
  readonly #span: Span;
  #call: Span | undefined;

  constructor(tracer: Tracer, request: PulledRequest, instance: string) {
    this.#tracer = tracer;
    const { id, attempt, head } = request;
    const parent = parentOf(head.fields);
    const attributes = {
      'http.request.method': head.method,
      'mini_router.request_id': id,
      'mini_router.attempt': attempt,
      'mini_router.instance': instance,
    };
    this.#span = tracer.startSpan('mini-router agent', { kind: SpanKind.CONSUMER, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** The call of the upstream begins. */
  called(host: string): void {
    const attributes = { 'server.address': host };
    this.#call = this.#tracer.startSpan(
      'mini-router upstream',
      { kind: SpanKind.CLIENT, attributes },
      this.#context,
    );
  }

  /** The head of the reply has come. */
  replied(status: number): void {
    this.#call?.setAttribute('http.response.status_code', status);
    if (status >= 500) this.#call?.setStatus({ code: SpanStatusCode.ERROR });
  }

  failed(error: Error): void {
    this.#call?.recordException(error);
    this.#call?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  }

  /** The request is settled, requeued or taken away: its slot is free. */
  ended(): void {
    this.#call?.end();
    this.#span.end();
  }
}
