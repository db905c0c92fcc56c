import type { ProblemCode } from '../http/problems.ts';
import type { Exchange } from './exchange.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { HubContext } from './hub-context.ts';

/** Status in the log of a request whose client left before an answer, as in nginx. */
const CLIENT_GONE = 499;

/** Logs a request that has ended, in whatever state. */
export function logExchange(exchange: Exchange, totalMs: number): void {
  const { context, id, group, counts, caller, request, status, problem, attempts, replyBody } = exchange;
  write(context, request, {
    id,
    group,
    route: counts.route,
    app: caller?.app.name,
    status: status === 0 ? CLIENT_GONE : status,
    code: problem,
    agent: attempts.owner,
    bytes: replyBody.bytes,
    ms: Math.round(totalMs),
  });
}

export interface Refusal {
  readonly id: string;
  readonly status: number;
  readonly code: ProblemCode | undefined;
  /** Size of the problem document. */
  readonly bytes: number;
  readonly group?: string;
  readonly route?: string;
  readonly app?: string | undefined;
}

/** Logs a request that was refused before it became more than a head. */
export function logRefusal(context: HubContext, request: ClientRequest, refusal: Refusal): void {
  write(context, request, { ...refusal, ms: 0 });
}

/** Logs bytes that Node's parser could not read. */
export function logUnreadable(
  { config, log }: HubContext,
  client: string | undefined,
  refusal: Refusal,
): void {
  if (config.accessLog) log.info({ ...refusal, client, ms: 0 }, 'request');
}

function write({ config, proxies, log }: HubContext, request: ClientRequest, entry: object): void {
  if (!config.accessLog) return;
  const { method, target, peer } = request;
  const client = proxies.clientOf(request).address;
  // The id under which another router or a proxy in front has logged it.
  const outerId = proxies.has(peer) ? request.field('router-request-id') : undefined;
  log.info({ ...entry, outerId, method, url: target, client }, 'request');
}
