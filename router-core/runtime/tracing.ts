import {
  isSpanContextValid,
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { packageVersion } from './package-info.ts';

export type { Tracer };

const NAME = 'mini-router';

/**
 * The tracer of an OpenTelemetry SDK; undefined unless one was registered before (`node --import`). Looked up once at the
 * start, so that without an SDK a request costs only a comparison.
 */
export function findTracer(): Tracer | undefined {
  const tracer = trace.getTracer(NAME, packageVersion());
  // Without an SDK all spans of the API are the same one, whose ids are zero. This one is never ended, so never exported.
  const probe = tracer.startSpan('probe', {}, ROOT_CONTEXT);
  return isSpanContextValid(probe.spanContext()) ? tracer : undefined;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; later versions may add fields at the end. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

const FIELD = /^traceparent: ([^\r]*)\r\n/im;

/** The parent of a new span, from the fields of a request (`Name: value` and CR LF each). */
export function parentOf(fields: string): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(FIELD.exec(fields)?.[1] ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags ?? '', 16) & TraceFlags.SAMPLED,
    isRemote: true,
  });
}

/** Adds the trace of a span to the fields unless the client has begun a trace, which is never changed. */
export function continueTrace(span: Span, fields: string): string {
  if (FIELD.test(fields)) return fields;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `${fields}traceparent: 00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}\r\n`;
}

/** Converts a time of performance.now() for spans: ms since 1970. */
export function epochMs(monotonicMs: number): number {
  return performance.timeOrigin + monotonicMs;
}
