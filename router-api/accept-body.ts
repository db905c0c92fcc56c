import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { DEEPEST, jsonDepth, shapeProblem, SHAPE_PROBLEMS } from '../router-core/config/document-shape.ts';
import { formatPath } from '../router-core/config/validation-problems.ts';
import type { ApiContext, ApiEnv } from './endpoint.ts';
import { ApiProblem } from './problems.ts';
import { parseJson } from '../router-core/runtime/parse-json.ts';

const MIB = 1024 * 1024;
const onError = (): never => {
  throw new ApiProblem('body-too-large');
};

const ordinary = bodyLimit({ maxSize: MIB, onError });
/** Room for a whole configuration. */
const document = bodyLimit({ maxSize: 32 * MIB, onError });

const JSON_TYPE = /^application\/([a-z.-]+\+)?json\b/i;
/** `__proto__`, and the ways to write its underscores in JSON. */
const MAY_HAVE_PROTO = /__proto__|\\u005f/i;

/**
 * Lets a body through only when an endpoint will read it, and only after authentication. Refuses everything but JSON: an
 * endpoint takes fields that it cannot read for omitted ones, and an omitted field may mean "all of them".
 */
export const acceptBody: MiddlewareHandler<ApiEnv> = (c, next) => {
  const hasBody =
    c.req.header('transfer-encoding') !== undefined || Number(c.req.header('content-length') ?? 0) > 0;
  if (!hasBody) return next();
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) throw new ApiProblem('unsupported-media-type');
  const limit = c.req.path === '/v1/config' ? document : ordinary;
  return limit(c, async () => {
    await refuseShape(c);
    await next();
  });
};

/** Refuses bodies that a schema cannot refuse: their depth would overflow it, or it would never see the name `__proto__`. */
async function refuseShape(c: ApiContext): Promise<void> {
  // Hono keeps the text for the next reader of the body.
  const text = await c.req.text();
  if (jsonDepth(text) > DEEPEST) {
    throw new ApiProblem('bad-request', { detail: `The body is ${SHAPE_PROBLEMS['too-deep']}` });
  }
  // zod's records drop this name silently.
  const found = MAY_HAVE_PROTO.test(text) ? shapeProblem(parseJson(text)) : undefined;
  if (!found) return;
  const errors = [{ path: formatPath(found.path), message: SHAPE_PROBLEMS[found.problem] }];
  throw new ApiProblem('invalid', { errors });
}
