import type { StoredApp } from '../config/stored.ts';
import type { CheckedRequest } from '../http/check-request.ts';
import { withCors } from '../http/cors.ts';
import { forwardRequestFields } from '../http/forward-request.ts';
import { maxForwards } from '../http/max-forwards.ts';
import { problemResponse, type ProblemCode } from '../http/problems.ts';
import type { RequestHead } from '../exchange/heads.ts';
import type { AppAdmission } from '../exchange/hub-link.ts';
import { hasLimits } from '../config/stored.ts';
import { logRefusal } from './access-log.ts';
import type { Caller } from './app-directory.ts';
import { runFor } from './contain-fault.ts';
import { ReplyHandlers } from './await-reply.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { ClientRequest } from './front/client-request.ts';
import { enqueueRequest } from './enqueue-request.ts';
import { Exchange } from './exchange.ts';
import type { HubContext } from './hub-context.ts';
import { RequestTrace, type TracedRequest } from './request-trace.ts';
import type { RoutedRequest } from './snapshot.ts';
import { readInlineBody, type InlineBody } from './request-body.ts';

export interface AdmitOptions {
  readonly context: HubContext;
  readonly request: ClientRequest;
  readonly reply: ClientReply;
  readonly routed: RoutedRequest;
  readonly caller: Caller | undefined;
  readonly checked: Extract<CheckedRequest, { ok: true }>;
}

const handlersOf = (exchange: Exchange) => new ReplyHandlers(exchange);

/** Checks this hub's own limits and those of the app, reads what of the body travels inline, and sends the request on its way. */
export function admitRequest(options: AdmitOptions): Exchange | undefined {
  const { context, request, reply, routed, caller, checked } = options;
  const { config, link, inFlight } = context;
  const { contentLength = 0 } = checked;
  const { maxBodyBytes } = routed.policy;
  if (inFlight.size >= config.maxInFlight && !context.bodies.makeRoom()) return refuse(options, 'hub-full');
  if (maxBodyBytes > 0 && contentLength > maxBodyBytes) return refuse(options, 'body-too-large');
  if (!link.connected) return refuse(options, 'store-unavailable');

  if (link.group(routed.group).fault !== undefined) return refuse(options, 'group-faulty');

  if (
    routed.duplex &&
    context.bodies.isShareTaken(routed.counts, context.proxies.clientOf(request).address)
  ) {
    return refuse(options, 'hub-full');
  }
  const exchange = new Exchange({ context, routed, caller, request, reply, handlersOf });
  const isLimited = caller !== undefined && hasLimits(caller.app);
  runFor(exchange, () => (isLimited ? enterApp(exchange, caller, options) : begin(exchange, options)));
  return exchange;
}

/** Tells the client of a refused request which limit of its app was reached. */
const LIMIT_REACHED = {
  rate: ({ rate }: StoredApp) => `The app may send ${rate?.requests} requests per ${rate?.perMs} ms.`,
  concurrency: ({ concurrency }: StoredApp) => `The app may have ${concurrency} requests at once.`,
};

/** Goes on when the limits of the app allow it. */
async function enterApp(exchange: Exchange, { app }: Caller, options: AdmitOptions): Promise<void> {
  const { link, log } = exchange.context;
  let admission: AppAdmission;
  exchange.reading(exchange.policy.idleMs, () => exchange.fail('store-unavailable', { retryAfterS: 1 }));
  try {
    admission = await link.enterApp(app, exchange.id);
  } catch (error) {
    log.warn({ err: error, id: exchange.id, app: app.name }, 'could not check the limits of an app');
    return exchange.fail('store-unavailable', { retryAfterS: 1 });
  }
  // The client has gone meanwhile: its place in the app's limits is free again.
  if (exchange.done) return link.leaveApp(app.name, exchange.id);
  if (admission.ok) begin(exchange, options);
  else {
    const { limit, retryAfterS } = admission;
    exchange.fail('too-many-requests', { retryAfterS, detail: LIMIT_REACHED[limit](app) });
  }
}

function begin(exchange: Exchange, { request, checked }: AdmitOptions): void {
  const { maxBodyBytes, idleMs } = exchange.policy;
  const head = requestHead(exchange, checked.authority);
  const { protocolSwitch } = request;
  if (protocolSwitch) {
    exchange.body.followsFrom(protocolSwitch.input);
    return send(exchange, head, { chunks: [], complete: false });
  }
  const isTooLarge = (bytes: number) => maxBodyBytes > 0 && bytes > maxBodyBytes;
  const inline = readInlineBody(exchange, checked.contentLength, isTooLarge);
  if (!(inline instanceof Promise)) {
    if (!inline.complete) exchange.body.followsFrom(request.body);
    return send(exchange, head, inline);
  }
  exchange.reading(idleMs, () => exchange.fail('request-timeout'));
  request.askForBody();
  runFor(exchange, () =>
    inline.then((body) => {
      if (exchange.done) return;
      if (body === 'too-large') return exchange.fail('body-too-large');
      if (!body.complete) exchange.body.followsFrom(request.body);
      send(exchange, head, body);
    }),
  );
}

function send(exchange: Exchange, head: RequestHead, body: InlineBody): void {
  runFor(exchange, () => enqueueRequest(exchange, head, body));
}

function requestHead(exchange: Exchange, authority: string): RequestHead {
  const { request, id, routed, context } = exchange;
  const { target, headerRules } = routed;
  const { peer } = request;
  const isTrusted = context.proxies.has(peer);
  if (!isTrusted) context.proxies.noteUntrusted(request, context.log);
  const forwards = maxForwards(request.method, request.field('max-forwards'));
  let fields = forwardRequestFields(request.rawHeaders, {
    requestId: id,
    peer,
    isTrusted,
    proto: request.scheme,
    httpVersion: request.httpVersion,
    authority,
    writesForwarded: context.config.forwarded,
    told:
      isTrusted && request.field('forwarded') !== undefined ? context.proxies.clientOf(request) : undefined,
    rules: headerRules,
    maxForwards: forwards === undefined ? undefined : forwards - 1,
  });
  const { tracer } = context;
  if (tracer) {
    const trace = new RequestTrace(tracer, tracedRequest(exchange, target), fields);
    exchange.traced(trace);
    fields = trace.continuedIn(fields);
  }
  return { method: request.method, target, fields, upgrade: request.protocolSwitch?.protocol ?? '' };
}

function tracedRequest({ id, group, counts, request, receivedAt }: Exchange, target: string): TracedRequest {
  const path = target.split('?')[0] ?? '';
  return { id, group, route: counts.route, method: request.method, path, receivedAt };
}

function refuse({ context, request, reply, routed, caller }: AdmitOptions, code: ProblemCode): undefined {
  const retryAfterS = code === 'body-too-large' ? undefined : 1;
  const id = context.link.nextId();
  const { status, reason, fields, body } = problemResponse(code, {
    requestId: id,
    method: request.method,
    retryAfterS,
  });
  const { group, counts, cors } = routed;
  counts.refused(code, status);
  logRefusal(context, request, {
    id,
    group,
    route: counts.route,
    app: caller?.app.name,
    status,
    code,
    bytes: body?.length ?? 0,
  });
  reply.startAndEnd(status, reason, cors ? withCors(cors, request.field('origin'), fields) : fields, body);
}
