import type { IncomingMessage } from 'node:http';
import type { ProblemCode } from '../http/problems.ts';
import type { Exchange, HubContext } from './exchange.ts';
import { clientAddress } from './front/client-reply.ts';

/** What counts as the status of a request whose client left before an answer, as in nginx. */
const CLIENT_GONE = 499;

/** One that has ended, at whatever state. `bytes`: of the reply's body. */
export function logExchange(exchange: Exchange, totalMs: number): void {
  const { context, id, group, counts, caller, req, status, problem, owner, replyBody } = exchange;
  write(context, req, {
    id,
    group,
    route: counts.route,
    app: caller?.app.name,
    status: status === 0 ? CLIENT_GONE : status,
    code: problem,
    agent: owner,
    bytes: replyBody.bytes,
    ms: Math.round(totalMs),
  });
}

export interface Refusal {
  readonly id: string;
  readonly status: number;
  readonly code: ProblemCode | undefined;
  /** Of the document that says so. */
  readonly bytes: number;
  readonly group?: string;
  readonly route?: string;
  readonly app?: string | undefined;
}

/** One that was refused before it became more than a head. */
export function logRefusal(context: HubContext, req: IncomingMessage, refusal: Refusal): void {
  write(context, req, { ...refusal, ms: 0 });
}

/** What Node's parser could not read. */
export function logUnreadable(
  { config, log }: HubContext,
  client: string | undefined,
  refusal: Refusal,
): void {
  if (config.accessLog) log.info({ ...refusal, client, ms: 0 }, 'request');
}

function write({ config, log }: HubContext, req: IncomingMessage, entry: object): void {
  if (!config.accessLog) return;
  const { method, url } = req;
  log.info({ ...entry, method, url, client: clientAddress(req) }, 'request');
}
