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
 * The tracer of an OpenTelemetry SDK; undefined unless one was registered before (`node --import`). Asked once at the start,
 * so that without an SDK a request costs a comparison.
 */
export function findTracer(): Tracer | undefined {
  const tracer = trace.getTracer(NAME, packageVersion());
  // Without an SDK the spans of the API are all the same one, whose ids are zero. This one is never ended, so never exported.
  const probe = tracer.startSpan('probe', {}, ROOT_CONTEXT);
  return isSpanContextValid(probe.spanContext()) ? tracer : undefined;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; later versions may add fields at the end. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** What a new span belongs to, by the fields of a request (names and values in turn). */
export function parentOf(headers: readonly string[]): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(valueOf(headers, 'traceparent') ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags ?? '', 16) & TraceFlags.SAMPLED,
    isRemote: true,
  });
}

/** Continues the trace of a span where the client has not begun one; the client's own is never changed. */
export function continueTrace(span: Span, headers: string[]): void {
  if (valueOf(headers, 'traceparent') !== undefined) return;
  const { traceId, spanId, traceFlags } = span.spanContext();
  headers.push('traceparent', `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`);
}

/** A time of performance.now() as spans want it: ms since 1970. */
export function epochMs(monotonicMs: number): number {
  return performance.timeOrigin + monotonicMs;
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}
