import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ApiEnv } from './endpoint.ts';
import { ApiProblem } from './problems.ts';

const MIB = 1024 * 1024;
const onError = (): never => {
  throw new ApiProblem('body-too-large');
};

const ordinary = bodyLimit({ maxSize: MIB, onError });
/** A whole configuration. */
const document = bodyLimit({ maxSize: 32 * MIB, onError });

const JSON_TYPE = /^application\/([a-z.-]+\+)?json\b/i;

/**
 * Lets only those bodies through that will be read, after it is known who sends them. Anything but JSON is refused: what an
 * endpoint does not read it would take for left out, and left out may mean "all of them".
 */
export const acceptBody: MiddlewareHandler<ApiEnv> = (c, next) => {
  const hasBody =
    c.req.header('transfer-encoding') !== undefined || Number(c.req.header('content-length') ?? 0) > 0;
  if (hasBody && !JSON_TYPE.test(c.req.header('content-type') ?? '')) {
    throw new ApiProblem('unsupported-media-type');
  }
  return (c.req.path === '/v1/config' ? document : ordinary)(c, next);
};
