import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { LIST_OF, oneOf, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { isIdentity } from '../router-core/config/config-edits.ts';
import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import { objectsOf, withoutStoreFields, type ConfigState } from '../router-core/config/config-state.ts';
import { dryRunQuery, isDryRun } from './dry-run.ts';
import { actorOf, forRole, guardedAnswers, jsonContent, writerOf } from './endpoint.ts';
import type { Api, ApiContext, ApiParts } from './endpoint.ts';
import { issueToken } from './issue-token.ts';
import { keepAccess } from './keep-access.ts';
import { mergePatch } from './merge-patch.ts';
import {
  createdSchema,
  titleOf,
  writeSchema,
  writtenFields,
  writtenSchema,
  type Json,
} from './object-view.ts';
import { openRouteWarnings } from './open-routes.ts';
import { requireMatch, wantsNew } from './preconditions.ts';
import { nameParam, objectNamed, readEndpoints, viewOne } from './read-objects.ts';
import { removeEndpoint } from './remove-object.ts';

/** List, read, create, replace, change and remove: the same for each kind of object. */
export function objectEndpoints(api: Api, kind: ObjectKind, parts: ApiParts): void {
  readEndpoints(api, kind, parts);
  createEndpoint(api, kind, parts);
  replaceEndpoint(api, kind, parts);
  changeEndpoint(api, kind, parts);
  removeEndpoint(api, kind, parts);
}

function createEndpoint(api: Api, kind: ObjectKind, parts: ApiParts): void {
  const list = LIST_OF[kind];
  const route = createRoute({
    method: 'post',
    path: `/v1/${list}`,
    tags: [list],
    operationId: `create${titleOf(kind)}`,
    summary: `Create ${oneOf(kind)}`,
    description: isIdentity(kind)
      ? `Fields that are left out get their defaults. The answer has the token of the ${kind}. No other answer shows it.`
      : 'Fields that are left out get their defaults.',
    ...forRole(writerOf(kind)),
    request: {
      query: dryRunQuery,
      body: { required: true, ...jsonContent(writeSchema(kind), `The ${kind}`) },
    },
    responses: {
      201: jsonContent(createdSchema(kind), `The new ${kind}`),
      ...guardedAnswers('already-exists', 'conflict', 'body-too-large', 'unsupported-media-type', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const fields = writtenFields(c.req.valid('json'));
    return c.json(await create(c, { kind, parts, fields }), 201);
  });
}

async function create(
  c: ApiContext,
  { kind, parts, fields }: { kind: ObjectKind; parts: ApiParts; fields: Json },
): Promise<Json> {
  const name = fields['name'] as string;
  const dryRun = isDryRun(c);
  const issued = issueToken(kind);
  const { after } = await parts.control.change({
    actor: actorOf(c),
    action: 'create',
    dryRun,
    check: keepAccess(c.var.admin),
    edit: (state) => {
      if (objectsOf(state, kind).has(name)) {
        throw new ConfigRefusal('already-exists', `There is ${oneOf(kind)} named "${name}" already`);
      }
      return [{ kind, name, fields, ...(issued && { tokens: [issued.stored] }) }];
    },
  });
  c.header('Location', `/v1/${LIST_OF[kind]}/${encodeURIComponent(name)}`);
  const view = await viewWritten(c, parts, { kind, name, after });
  return issued && !dryRun ? { ...view, token: issued.token } : view;
}

function replaceEndpoint(api: Api, kind: ObjectKind, parts: ApiParts): void {
  const list = LIST_OF[kind];
  const route = createRoute({
    method: 'put',
    path: `/v1/${list}/{name}`,
    tags: [list],
    operationId: `replace${titleOf(kind)}`,
    summary: `Replace ${oneOf(kind)}, or create it`,
    description:
      'Fields that are left out get their defaults. ' +
      (isIdentity(kind) ? 'Its tokens stay. ' : '') +
      'With `If-Match` and its ETag the write is refused (412) when somebody else was faster; ' +
      'with `If-None-Match: *` it only creates.',
    ...forRole(writerOf(kind)),
    request: {
      params: nameParam,
      query: dryRunQuery,
      body: { required: true, ...jsonContent(writeSchema(kind), `The ${kind}`) },
    },
    responses: {
      200: jsonContent(writtenSchema(kind), `The ${kind} as it is now`),
      201: jsonContent(createdSchema(kind), `The new ${kind}`),
      ...guardedAnswers(
        'not-found',
        'conflict',
        'stale',
        'body-too-large',
        'unsupported-media-type',
        'invalid',
      ),
    },
  });
  api.openapi(route, async (c) => {
    const { name } = c.req.valid('param');
    const fields = writtenFields(c.req.valid('json'));
    if (wantsNew(c)) {
      if (fields['name'] !== name) {
        throw new ConfigRefusal('invalid', 'The name differs from the name in the path', [
          { path: 'name', message: `must be "${name}"` },
        ]);
      }
      if (objectsOf(await parts.control.newest(), kind).has(name)) {
        throw new ConfigRefusal('stale', `There is ${oneOf(kind)} named "${name}" already`);
      }
      return c.json(await create(c, { kind, parts, fields }), 201);
    }
    return c.json(await edit(c, { kind, parts, action: 'replace', edited: () => fields }), 200);
  });
}

function changeEndpoint(api: Api, kind: ObjectKind, parts: ApiParts): void {
  const list = LIST_OF[kind];
  const schema = z.record(z.string(), z.unknown()).meta({
    description: `Some fields of ${oneOf(kind)} (RFC 7396): null resets a field to its default, a list is replaced as a whole`,
  });
  const content = { 'application/merge-patch+json': { schema }, 'application/json': { schema } };
  const route = createRoute({
    method: 'patch',
    path: `/v1/${list}/{name}`,
    tags: [list],
    operationId: `change${titleOf(kind)}`,
    summary: `Change some fields of ${oneOf(kind)}`,
    description:
      'A JSON merge patch (RFC 7396): null resets a field to its default, a list is replaced as a whole.',
    ...forRole(writerOf(kind)),
    request: { params: nameParam, query: dryRunQuery, body: { required: true, content } },
    responses: {
      200: jsonContent(writtenSchema(kind), `The ${kind} as it is now`),
      ...guardedAnswers(
        'not-found',
        'conflict',
        'stale',
        'body-too-large',
        'unsupported-media-type',
        'invalid',
      ),
    },
  });
  api.openapi(route, async (c) => {
    const patch = writtenFields(c.req.valid('json'));
    const edited = (fields: Json) => mergePatch(fields, patch);
    return c.json(await edit(c, { kind, parts, action: 'update', edited }), 200);
  });
}

export interface ObjectChange {
  readonly kind: ObjectKind;
  readonly parts: ApiParts;
  readonly action: string;
  /** Maps the current fields to the new ones. */
  readonly edited: (fields: Json) => unknown;
}

/** Changes the object that the path names if `If-Match` still holds, and returns it. */
export async function edit(c: ApiContext, { kind, parts, action, edited }: ObjectChange): Promise<Json> {
  const name = c.req.param('name') ?? '';
  const { after } = await parts.control.change({
    actor: actorOf(c),
    action,
    dryRun: isDryRun(c),
    check: keepAccess(c.var.admin),
    edit: (state) => {
      const object = objectNamed(state, kind, name);
      requireMatch(c, object.revision);
      return [{ kind, name, fields: edited(withoutStoreFields({ ...object })) }];
    },
  });
  return viewWritten(c, parts, { kind, name, after });
}

/** The object that was written, and what to know about it. */
async function viewWritten(
  c: ApiContext,
  parts: ApiParts,
  { kind, name, after }: { kind: ObjectKind; name: string; after: ConfigState },
): Promise<Json> {
  const view = await viewOne(c, parts, objectNamed(after, kind, name));
  const warnings = kind === 'app' ? openRouteWarnings(after, after.apps.get(name)) : [];
  return warnings.length > 0 ? { ...view, warnings } : view;
}
