import { STATUS_CODES } from 'node:http';
import { fieldLines, type FieldLines } from './field-lines.ts';

/** How far the request got at the upstream. */
export type Executed = 'no' | 'maybe' | 'yes';

export interface Problem {
  readonly status: number;
  readonly executed: Executed;
  readonly title: string;
  /** The `detail` of every such error that has none of its own: what to do about it. */
  readonly advice?: string;
}

/**
 * Every error that a client can get from the router itself. A test compares docs/errors.md with this table. `executed: no` =
 * the upstream never saw the request, so repeating it is safe whatever its method.
 */
export const PROBLEMS = {
  'bad-request': { status: 400, executed: 'no', title: 'The request is not valid HTTP' },
  unauthorized: {
    status: 401,
    executed: 'no',
    title: 'An app token is required',
    advice:
      'Send the token of an app as "Authorization: Bearer mr_app_…" or "Router-Token: mr_app_…". If you have sent one, it is ' +
      'unknown here, was revoked, or has expired: ask for a new one.',
  },
  forbidden: {
    status: 403,
    executed: 'no',
    title: 'This app may not do that',
    advice:
      'The app is paused, or may not use the group behind this path: the operator of the router can change both.',
  },
  'no-route': { status: 404, executed: 'no', title: 'No route matches this request' },
  'method-not-supported': { status: 501, executed: 'no', title: 'The router does not support this method' },
  'request-timeout': { status: 408, executed: 'no', title: 'The request did not arrive in time' },
  'body-too-large': { status: 413, executed: 'no', title: 'The request body is too large' },
  'too-many-requests': { status: 429, executed: 'no', title: 'This app has reached its limit' },
  'target-too-long': { status: 414, executed: 'no', title: 'The request target is too long' },
  'head-too-large': { status: 431, executed: 'no', title: 'The request head is too large' },
  'version-not-supported': {
    status: 505,
    executed: 'no',
    title: 'The router speaks HTTP/1.1 and HTTP/1.0 only',
  },
  'upstream-unreachable': { status: 502, executed: 'no', title: 'The upstream could not be reached' },
  'upstream-failed': {
    status: 502,
    executed: 'maybe',
    title: 'The upstream broke off before it answered',
  },
  'agent-lost': { status: 502, executed: 'maybe', title: 'The agent that ran the request was lost' },
  'attempts-exhausted': {
    status: 502,
    executed: 'maybe',
    title: 'Every attempt to run the request was lost',
  },
  'internal-error': { status: 502, executed: 'maybe', title: 'The router itself has failed' },
  'no-agent': { status: 503, executed: 'no', title: 'No agent is available' },
  paused: { status: 503, executed: 'no', title: 'The group or all of its agents are paused' },
  'upstream-down': { status: 503, executed: 'no', title: 'No upstream of the group can be reached' },
  'limit-reached': {
    status: 503,
    executed: 'no',
    title: 'The group runs as many requests at once as it may',
  },
  'queue-full': { status: 503, executed: 'no', title: 'Too many requests are waiting' },
  'queue-timeout': { status: 503, executed: 'no', title: 'No agent had a free slot in time' },
  'hub-full': { status: 503, executed: 'no', title: 'This hub has too many requests in flight' },
  'group-faulty': { status: 503, executed: 'no', title: 'The group of this request is out of order' },
  'store-unavailable': { status: 503, executed: 'no', title: 'The request store is not reachable' },
  'store-lost': {
    status: 503,
    executed: 'maybe',
    title: 'The request store was lost while the request was handed over',
  },
  cancelled: { status: 503, executed: 'maybe', title: 'An operator cancelled the request' },
  'shutting-down': { status: 503, executed: 'no', title: 'This hub is shutting down' },
  deadline: { status: 504, executed: 'maybe', title: 'The upstream did not answer in time' },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof PROBLEMS;

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** Methods that may run twice, RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string | undefined): boolean {
  return method !== undefined && IDEMPOTENT.has(method);
}

/** The type that OpenAI's API would give an error of this status; its client libraries pass it on. */
function errorType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

export interface ProblemContext {
  readonly requestId: string;
  readonly method: string | undefined;
  /** True when running the request twice does no harm; when omitted, the method decides. */
  readonly isRepeatable?: boolean | undefined;
  /** True when the request was handed to an agent before the router ended it: then `no` becomes `maybe`. */
  readonly handedOver?: boolean | undefined;
  /** Seconds. */
  readonly retryAfterS?: number | undefined;
  /** One sentence for the client about this request: no internal messages. */
  readonly detail?: string | undefined;
}

export interface ProblemResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: FieldLines;
  /** Undefined for HEAD. */
  readonly body: Buffer | undefined;
}

/** The only function that turns an error into an HTTP response: problem+json, RFC 9457. */
export function problemResponse(
  code: ProblemCode,
  { requestId, method, isRepeatable, handedOver, retryAfterS, detail }: ProblemContext,
): ProblemResponse {
  const { status, title, advice }: Problem = PROBLEMS[code];
  const executed = handedOver ? 'maybe' : PROBLEMS[code].executed;
  // The request never ran, or running it twice does no harm.
  const safeToRetry = executed === 'no' || (isRepeatable ?? isIdempotent(method));
  const explained = detail ?? advice;
  const message = explained === undefined ? title : `${title}. ${explained}`;
  const document = {
    type: 'about:blank',
    title,
    status,
    detail: explained,
    code,
    executed,
    safeToRetry,
    requestId,
    // An extension member (RFC 9457 §3.2): client libraries of AI services show `error.message`, and without it only the status.
    error: { message, type: errorType(status), code },
  };
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  const headers = [
    ...['Content-Type', 'application/problem+json', 'Content-Length', String(body.length)],
    ...['Cache-Control', 'no-store', 'Router-Error', code, 'Router-Executed', executed],
    ...['Router-Request-Id', requestId, 'X-Request-Id', requestId],
  ];
  if (code === 'unauthorized') headers.push('WWW-Authenticate', 'Bearer');
  // Client libraries of AI services repeat a POST by its status alone unless this field forbids it.
  if (!safeToRetry) headers.push('X-Should-Retry', 'false');
  if (retryAfterS !== undefined) headers.push('Retry-After', String(retryAfterS));
  const fields = fieldLines(headers);
  return { status, reason: STATUS_CODES[status] ?? '', fields, body: method === 'HEAD' ? undefined : body };
}
