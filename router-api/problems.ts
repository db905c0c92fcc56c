import { HTTPException } from 'hono/http-exception';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { ValidationProblem } from '../router-core/config/validation-problems.ts';
import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import { StoreUnavailableError } from '../router-core/exchange/store-unavailable.ts';
import type { Logger } from '../router-core/runtime/logger.ts';

/** Every error of router-api. A test compares docs/configuration.md with this table. */
export const API_PROBLEMS = {
  'bad-request': { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'An admin token is required' },
  forbidden: { status: 403, title: 'Your role does not allow that' },
  'not-found': { status: 404, title: 'There is nothing at this path' },
  'method-not-allowed': { status: 405, title: 'This path does not take this method' },
  'already-exists': { status: 409, title: 'An object of this name exists already' },
  unconfirmed: { status: 409, title: 'The document removes so much that it must be confirmed' },
  conflict: { status: 409, title: 'The rest of the configuration does not allow that' },
  stale: { status: 412, title: 'The object has changed since you read it' },
  'body-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  invalid: { status: 422, title: 'The request is not valid' },
  'too-many-requests': {
    status: 429,
    title: 'Too many wrong tokens from one address, or too many streams of one admin',
  },
  internal: { status: 500, title: 'router-api failed unexpectedly' },
  'store-unavailable': { status: 503, title: 'Redis does not answer' },
  busy: { status: 503, title: 'Too many clients follow events already' },
  'shutting-down': { status: 503, title: 'This process is shutting down' },
  timeout: { status: 504, title: 'The answer took too long' },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string }>;

export type ApiProblemCode = keyof typeof API_PROBLEMS;

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Always about:blank' }),
    title: z.string().meta({ description: 'The error in words, the same for every error of this code' }),
    status: z.int().meta({ description: 'The status of the answer' }),
    code: z
      .enum(Object.keys(API_PROBLEMS) as [ApiProblemCode, ...ApiProblemCode[]])
      .meta({ description: 'The error, for programs' }),
    detail: z.string().optional().meta({ description: 'The details of this error' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'Each field that is not valid, and what it must be' }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457)' });

export interface ApiProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly ValidationProblem[];
  readonly headers?: Record<string, string>;
}

/** A response that is an error. Its texts are for the client: nothing secret, nothing internal. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: ApiProblemCode;
  readonly options: ApiProblemOptions;

  constructor(code: ApiProblemCode, options: ApiProblemOptions = {}) {
    super(options.detail ?? API_PROBLEMS[code].title);
    this.code = code;
    this.options = options;
  }
}

/** The only function that turns an error into an HTTP response. */
export function answerProblem(c: Context, error: unknown, log: Logger): Response {
  const { code, options } = asProblem(c, error, log);
  const { status, title } = API_PROBLEMS[code];
  const { detail, errors, headers } = options;
  const document = { type: 'about:blank', title, status, code, detail, errors };
  return c.body(`${JSON.stringify(document)}\n`, status, {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'Router-Error': code,
    ...headers,
  });
}

function asProblem(c: Context, error: unknown, log: Logger): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof ConfigRefusal) {
    const { code, message, problems } = error;
    return new ApiProblem(code, { detail: message, ...(problems.length > 0 && { errors: problems }) });
  }
  if (error instanceof StoreUnavailableError) {
    const { cause, sent } = error;
    if (cause !== undefined) log.warn({ err: cause }, 'Redis did not answer a request');
    const ofChange = sent ? '; a change may have been made all the same' : '; nothing was changed';
    // A read has changed nothing, whatever has failed.
    const detail = `Redis does not answer${c.req.method === 'GET' ? '' : ofChange}`;
    return new ApiProblem('store-unavailable', { detail, headers: { 'Retry-After': '1' } });
  }
  if (error instanceof HTTPException) return fromHono(error);
  log.error({ err: error }, 'unexpected failure');
  return new ApiProblem('internal');
}

/** Errors of Hono itself: mostly a body that is not JSON. */
function fromHono({ status }: HTTPException): ApiProblem {
  if (status === 413) return new ApiProblem('body-too-large');
  if (status === 504) return new ApiProblem('timeout');
  return new ApiProblem('bad-request', { detail: 'The body is not JSON' });
}
