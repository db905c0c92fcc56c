import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { timeout } from 'hono/timeout';
import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import { acceptBody } from './accept-body.ts';
import { aboutEndpoint } from './about.ts';
import { actionEndpoints } from './actions.ts';
import { auditEndpoint } from './audit.ts';
import { authenticate } from './authenticate.ts';
import { configEndpoints } from './config.ts';
import { deadEndpoints } from './dead.ts';
import { documentationEndpoints } from './documentation.ts';
import { createEndpoints } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { eventsEndpoint } from './events.ts';
import { flagRoutesEndpoint } from './flag-routes.ts';
import { healthEndpoints } from './health.ts';
import { logsEndpoint } from './logs.ts';
import { instanceEndpoints } from './instances.ts';
import { meEndpoint } from './me.ts';
import { apiMetrics, EndpointCounts, metricsEndpoint } from './metrics.ts';
import { objectEndpoints } from './objects.ts';
import { answerProblem, ApiProblem } from './problems.ts';
import { requestEndpoints } from './requests.ts';
import { securityHeaders } from './security-headers.ts';
import { statusEndpoint } from './status.ts';
import { testRouteEndpoint } from './test-route.ts';
import { tokenEndpoints } from './tokens.ts';

/** The longest time from the head of a request, body included, to the head of its response. */
const LONGEST_MS = 60_000;

export interface ApiOptions {
  /** Origins whose pages may call this API from a browser. */
  readonly corsOrigins: readonly string[];
  /** True when /metrics needs no token. */
  readonly openMetrics: boolean;
  /** The address of the hubs, as clients and linked agents reach them. */
  readonly publicUrl?: string | undefined;
}

/** All endpoints, behind the middleware that every request passes. */
export function createApi(parts: ApiParts, options: ApiOptions): Api {
  const api = createEndpoints();
  const counts = new EndpointCounts();
  api.use(counts.middleware);
  guard(api, parts, options);
  healthEndpoints(api, parts);
  documentationEndpoints(api);
  for (const kind of OBJECT_KINDS) objectEndpoints(api, kind, parts);
  actionEndpoints(api, parts);
  tokenEndpoints(api, parts);
  configEndpoints(api, parts);
  testRouteEndpoint(api, parts);
  flagRoutesEndpoint(api, parts);
  auditEndpoint(api, parts);
  meEndpoint(api);
  aboutEndpoint(api, { publicUrl: options.publicUrl });
  statusEndpoint(api, parts);
  instanceEndpoints(api, parts);
  requestEndpoints(api, parts);
  deadEndpoints(api, parts);
  logsEndpoint(api, parts);
  eventsEndpoint(api, parts);
  const sources = [parts.processMetrics, apiMetrics(parts.control, counts)];
  metricsEndpoint(api, { sources, isOpen: options.openMetrics });
  return api;
}

function guard(api: Api, parts: ApiParts, { corsOrigins, openMetrics }: ApiOptions): void {
  const { log } = parts;
  api.onError((error, c) => answerProblem(c, error, log));
  api.notFound((c) => answerProblem(c, new ApiProblem('not-found'), log));
  api.use(securityHeaders);
  api.use(async (c, next) => {
    c.set('ip', addressOf(c.env.incoming.socket.remoteAddress));
    await next();
  });
  if (corsOrigins.length > 0) api.use(crossOrigin(corsOrigins));
  api.use(
    methodNotAllowed({
      app: api,
      onMethodNotAllowed: (c, methods) => {
        // The fields of this response would be kept otherwise.
        c.res.headers.delete('Router-Error');
        return answerProblem(
          c,
          new ApiProblem('method-not-allowed', { headers: { Allow: methods.join(', ') } }),
          log,
        );
      },
    }),
  );
  api.use(
    '/v1/*',
    timeout(LONGEST_MS, () => new HTTPException(504)),
  );
  const login = authenticate(parts);
  api.use('/v1/*', login);
  if (!openMetrics) api.use('/metrics', login);
  api.use('/v1/*', acceptBody);
}

/** Without credentials: the API sets no cookies, and a page sends the token in a header field. */
function crossOrigin(origins: readonly string[]) {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match'],
    exposeHeaders: ['ETag', 'Location', 'Retry-After', 'Router-Error'],
    maxAge: 600,
  });
}

/** Writes an IPv4 address in its usual form, also when an IPv6 socket has accepted it. */
function addressOf(remote: string | undefined): string {
  return (remote ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}
