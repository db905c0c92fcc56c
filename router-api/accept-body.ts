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
/** A whole configuration. */
const document = bodyLimit({ maxSize: 32 * MIB, onError });

const JSON_TYPE = /^application\/([a-z.-]+\+)?json\b/i;
/** As it may also be written in JSON. */
const MAY_HAVE_PROTO = /__proto__|\\u005f/i;

/**
 * Lets only those bodies through that will be read, after it is known who sends them. Anything but JSON is refused: what an
 * endpoint does not read it would take for left out, and left out may mean "all of them".
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

/** Refuses bodies that a schema cannot refuse: it would overflow before, or never see them. */
async function refuseShape(c: ApiContext): Promise<void> {
  // Hono keeps the text for whoever reads the body next.
  const text = await c.req.text();
  if (jsonDepth(text) > DEEPEST) {
    throw new ApiProblem('bad-request', { detail: `The body is ${SHAPE_PROBLEMS['too-deep']}` });
  }
  // Records drop this name without a word.
  const found = MAY_HAVE_PROTO.test(text) ? shapeProblem(parseJson(text)) : undefined;
  if (!found) return;
  const errors = [{ path: formatPath(found.path), message: SHAPE_PROBLEMS[found.problem] }];
  throw new ApiProblem('invalid', { errors });
}
