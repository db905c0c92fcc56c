import { trace, type Context, type Span, type SpanOptions, type TracerProvider } from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const CLIENTS = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

interface RecordedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly startedAt: number;
  endedAt: number;
  readonly attributes: Record<string, unknown>;
  isError: boolean;
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');

/** The least that an SDK is: it keeps the spans that were ended. */
function recordSpans(): RecordedSpan[] {
  const ended: RecordedSpan[] = [];
  let count = 0;
  const startSpan = (name: string, options: SpanOptions = {}, context?: Context): Span => {
    const parent = context && trace.getSpanContext(context);
    count += 1;
    const span: RecordedSpan = {
      name,
      traceId: parent?.traceId ?? hex(count, 32),
      spanId: hex(count, 16),
      parentId: parent?.spanId,
      startedAt: Number(options.startTime ?? performance.timeOrigin + performance.now()),
      endedAt: 0,
      attributes: { ...options.attributes },
      isError: false,
    };
    const self = {
      spanContext: () => ({ traceId: span.traceId, spanId: span.spanId, traceFlags: 1 }),
      setAttribute: (key: string, value: unknown) => ((span.attributes[key] = value), self),
      setStatus: () => ((span.isError = true), self),
      recordException: () => {},
      end: (at?: number) => {
        span.endedAt = at ?? performance.timeOrigin + performance.now();
        ended.push(span);
      },
    };
    return self as unknown as Span;
  };
  const provider = { getTracer: () => ({ startSpan }) } as unknown as TracerProvider;
  trace.setGlobalTracerProvider(provider);
  return ended;
}

afterEach(() => trace.disable());

async function routerHere(): Promise<{ hubUrl: string; traceparents: (string | undefined)[] }> {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const traceparents: (string | undefined)[] = [];
  const upstream = await upstreamHere((req, res) => {
    traceparents.push(
      req.rawHeaders.filter((_, i, all) => all[i - 1]?.toLowerCase() === 'traceparent').join(),
    );
    setTimeout(() => res.writeHead(Number(req.url?.slice(1, 4))).end('ok'), 30);
  });
  const hub = await hubHere(url, group);
  await agentHere(url, group, upstream.url);
  return { hubUrl: hub.url, traceparents };
}

const NAMES = ['mini-router agent', 'mini-router queue', 'mini-router request', 'mini-router upstream'];

test('without an SDK, traceparent and tracestate pass through as they are, and none is made up', async () => {
  const { hubUrl, traceparents } = await routerHere();
  for (const headers of [{ TraceParent: CLIENTS }, { traceparent: 'not one at all' }, {}]) {
    await ask(`${hubUrl}/200`, { headers });
  }
  expect(traceparents).toEqual([CLIENTS, 'not one at all', '']);
});

test("with an SDK, queue, agent and upstream are spans of the client's trace, whose field is not changed", async () => {
  const spans = recordSpans();
  const { hubUrl, traceparents } = await routerHere();
  await ask(`${hubUrl}/200?key=secret`, { headers: { traceparent: CLIENTS } });
  await waitFor(() => spans.length === 4, { what: 'four spans' });

  expect(traceparents).toEqual([CLIENTS]);
  expect(spans.map(({ name }) => name).sort()).toEqual(NAMES);
  const [agent, queue, request, upstream] = NAMES.map((name) => spans.find((span) => span.name === name)!);
  const [, traceId, spanId] = CLIENTS.split('-');
  for (const span of spans) expect(span.traceId).toBe(traceId);
  expect([request?.parentId, agent?.parentId]).toEqual([spanId, spanId]);
  expect([queue?.parentId, upstream?.parentId]).toEqual([request?.spanId, agent?.spanId]);
  for (const span of spans) {
    expect(span.endedAt).toBeGreaterThanOrEqual(span.startedAt);
    expect(Math.abs(span.startedAt - Date.now())).toBeLessThan(60_000);
  }
  expect((upstream?.endedAt ?? 0) - (upstream?.startedAt ?? 0)).toBeGreaterThan(25);
  expect(request?.attributes).toMatchObject({ 'url.path': '/200', 'http.response.status_code': 200 });
  expect(JSON.stringify(spans)).not.toContain('secret');
  expect(spans.map(({ isError }) => isError)).toEqual([false, false, false, false]);
});

test('a request without a trace begins one, which goes on at agent and upstream', async () => {
  const spans = recordSpans();
  const { hubUrl, traceparents } = await routerHere();
  await ask(`${hubUrl}/503`);
  await waitFor(() => spans.length === 4, { what: 'four spans' });

  const request = spans.find(({ name }) => name === 'mini-router request');
  expect(request?.parentId).toBeUndefined();
  expect(traceparents).toEqual([`00-${request?.traceId}-${request?.spanId}-01`]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(spans.find(({ name }) => name === 'mini-router agent')?.parentId).toBe(request?.spanId);
  expect(request?.isError).toBe(true);
});

test('a traceparent that Connection keeps from the upstream is not continued: a trace begins here', async () => {
  const spans = recordSpans();
  const { hubUrl, traceparents } = await routerHere();
  await ask(`${hubUrl}/200`, { headers: { traceparent: CLIENTS, connection: 'keep-alive, traceparent' } });
  await waitFor(() => spans.length === 4, { what: 'four spans' });
  const request = spans.find(({ name }) => name === 'mini-router request');
  expect(request?.parentId).toBeUndefined();
  expect(traceparents).toEqual([`00-${request?.traceId}-${request?.spanId}-01`]);
});
