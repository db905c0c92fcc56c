import { SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import type { FieldLines } from '../http/field-lines.ts';
import { continueTrace, epochMs, parentOf, type Tracer } from '../runtime/tracing.ts';

export interface TracedRequest {
  readonly id: string;
  readonly group: string;
  readonly route: string;
  readonly method: string;
  /** The path without its query, which may hold secrets. */
  readonly path: string;
  readonly receivedAt: number;
}

/** The spans of one request at its hub: the request, and in it the wait. Made only when an SDK is loaded. */
export class RequestTrace {
  readonly #tracer: Tracer;
  readonly #request: TracedRequest;
  readonly #context: Context;
  readonly #span: Span;
  #queued = false;

  /** `fields` are those for the upstream. */
  constructor(tracer: Tracer, request: TracedRequest, fields: FieldLines) {
    this.#tracer = tracer;
    this.#request = request;
    const parent = parentOf(fields);
    const { id, group, route, method, path, receivedAt } = request;
    this.#span = tracer.startSpan(
      'mini-router request',
      {
        kind: SpanKind.SERVER,
        startTime: epochMs(receivedAt),
        attributes: {
          'http.request.method': method,
          'url.path': path,
          'mini_router.request_id': id,
          'mini_router.group': group,
          'mini_router.route': route,
        },
      },
      parent,
    );
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** Returns the fields for the upstream, with this trace when the client has not begun one. */
  continuedIn(fields: FieldLines): FieldLines {
    return continueTrace(this.#span, fields);
  }

  /** The head of the reply has come. The request had waited `queueMs` for its turn at the upstream. */
  replied(queueMs: number): void {
    this.#addQueue(this.#request.receivedAt + queueMs);
  }

  /** `status` 0: the client left before there was one. */
  ended(status: number): void {
    const now = performance.now();
    if (!this.#queued) this.#addQueue(now);
    if (status > 0) this.#span.setAttribute('http.response.status_code', status);
    if (status === 0 || status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(epochMs(now));
  }

  #addQueue(endedAt: number): void {
    this.#queued = true;
    const { receivedAt, group } = this.#request;
    const attributes = { 'mini_router.group': group };
    this.#tracer
      .startSpan('mini-router queue', { startTime: epochMs(receivedAt), attributes }, this.#context)
      .end(epochMs(endedAt));
  }
}
