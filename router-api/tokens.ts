import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { LIST_OF, oneOf } from '../router-core/config/object-kinds.ts';
import { createToken, TOKEN_KINDS, type StoredToken, type TokenKind } from '../router-core/config/token.ts';
import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import { objectsOf, withoutStoreFields } from '../router-core/config/config-state.ts';
import { actorOf, forRole, guardedAnswers, jsonContent, writerOf } from './endpoint.ts';
import type { Api, ApiContext, ApiParts } from './endpoint.ts';
import { keepAccess } from './keep-access.ts';
import { createdSchema, titleOf, viewSchema, type Json } from './object-view.ts';
import { requireMatch } from './preconditions.ts';
import { nameParam, objectNamed, viewOne } from './read-objects.ts';

const LONGEST_GRACE_MS = 30 * 86_400_000;

const rotation = z
  .strictObject({
    graceMs: z
      .int()
      .min(0)
      .max(LONGEST_GRACE_MS)
      .default(0)
      .meta({ description: 'How long the old tokens stay valid; 0: they end at once' }),
  })
  .meta({ id: 'Rotation' });

const revocation = z
  .strictObject({
    tokenId: z
      .string()
      .max(64)
      .optional()
      .meta({ description: 'The token to revoke; when omitted, all of them' }),
  })
  .meta({ id: 'Revocation' });

/** Rotate and revoke tokens: the same for apps, agents and admins. */
export function tokenEndpoints(api: Api, parts: ApiParts): void {
  for (const kind of TOKEN_KINDS) {
    rotateEndpoint(api, kind, parts);
    revokeEndpoint(api, kind, parts);
  }
}

function rotateEndpoint(api: Api, kind: TokenKind, parts: ApiParts): void {
  const list = LIST_OF[kind];
  const route = createRoute({
    method: 'post',
    path: `/v1/${list}/{name}/rotate`,
    tags: [list],
    operationId: `rotate${titleOf(kind)}Token`,
    summary: `Make a new token for ${oneOf(kind)}`,
    description: 'The old tokens end after the grace period.',
    ...forRole(writerOf(kind)),
    request: { params: nameParam, body: jsonContent(rotation, 'When the old tokens end') },
    responses: {
      200: jsonContent(createdSchema(kind), `The ${kind} with its new token`),
      ...guardedAnswers('not-found', 'conflict', 'stale', 'unsupported-media-type', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    // The schema fills in its default only when there is a body.
    const { graceMs } = rotation.parse(c.req.valid('json'));
    const now = Date.now();
    const { token, stored } = createToken(kind, new Date(now).toISOString());
    const view = await changeTokens(c, { kind, parts, action: 'rotate' }, (tokens) => [
      ...endingAt(tokens, now + graceMs, now),
      stored,
    ]);
    return c.json({ ...view, token }, 200);
  });
}

/** The tokens that are still valid, with an end no later than `endMs`. Expired ones are dropped. */
function endingAt(tokens: readonly StoredToken[], endMs: number, nowMs: number): StoredToken[] {
  return tokens.flatMap((token) => {
    const ownEnd = token.expiresAt === null ? Infinity : Date.parse(token.expiresAt);
    const end = Math.min(ownEnd, endMs);
    return end <= nowMs ? [] : [{ ...token, expiresAt: new Date(end).toISOString() }];
  });
}

function revokeEndpoint(api: Api, kind: TokenKind, parts: ApiParts): void {
  const list = LIST_OF[kind];
  const route = createRoute({
    method: 'post',
    path: `/v1/${list}/{name}/revoke`,
    tags: [list],
    operationId: `revoke${titleOf(kind)}Tokens`,
    summary: `Revoke tokens of ${oneOf(kind)}`,
    description: 'They end at once, and so do requests and connections that use them.',
    ...forRole(writerOf(kind)),
    request: { params: nameParam, body: jsonContent(revocation, 'Which token') },
    responses: {
      200: jsonContent(viewSchema(kind), `The ${kind} as it is now`),
      ...guardedAnswers('not-found', 'conflict', 'stale', 'unsupported-media-type', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { tokenId } = c.req.valid('json');
    const view = await changeTokens(c, { kind, parts, action: 'revoke' }, (tokens) => {
      if (tokenId === undefined) return [];
      if (!tokens.some(({ id }) => id === tokenId)) {
        throw new ConfigRefusal('not-found', 'It has no token of this id');
      }
      return tokens.filter(({ id }) => id !== tokenId);
    });
    return c.json(view, 200);
  });
}

async function changeTokens(
  c: ApiContext,
  { kind, parts, action }: { kind: TokenKind; parts: ApiParts; action: string },
  edited: (tokens: readonly StoredToken[]) => readonly StoredToken[],
): Promise<Json> {
  const name = c.req.param('name') ?? '';
  const { after } = await parts.control.change({
    actor: actorOf(c),
    action,
    check: keepAccess(c.var.admin),
    edit: (state) => {
      const object = objectsOf(state, kind).get(name);
      requireMatch(c, objectNamed(state, kind, name).revision);
      const fields = withoutStoreFields({ ...object });
      return [{ kind, name, fields, tokens: edited(object?.tokens ?? []) }];
    },
  });
  return viewOne(c, parts, objectNamed(after, kind, name));
}
