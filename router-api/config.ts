import { setImmediate } from 'node:timers/promises';
import { createRoute } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { checkReferences } from '../router-core/config/check-references.ts';
import { configDocumentSchema, type ConfigDocument } from '../router-core/config/document.ts';
import { LIST_OF, OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import { createToken, TOKEN_KINDS, type StoredToken } from '../router-core/config/token.ts';
import { formatPath } from '../router-core/config/validation-problems.ts';
import { objectChangeSchema } from '../router-core/redis/config/audit-log.ts';
import { parseDocument } from '../router-core/config/parse-document.ts';
import { isIdentity, type ObjectEdit } from '../router-core/config/config-edits.ts';
import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import {
  documentOf,
  objectsOf,
  withoutStoreFields,
  type ConfigState,
} from '../router-core/config/config-state.ts';
import { inSlices } from '../router-core/runtime/slices.ts';
import { removalOf, requireConfirmation, toConfirm } from './confirm-removal.ts';
import { actorOf, forRole, jsonContent, guardedAnswers } from './endpoint.ts';
import type { Api, ApiContext, ApiEnv, ApiParts } from './endpoint.ts';
import { keepAccess } from './keep-access.ts';
import { maskFor, warningsSchema } from './object-view.ts';
import { openRouteWarnings } from './open-routes.ts';
import { etagOf, isKnown, requireMatch } from './preconditions.ts';
import { ApiProblem } from './problems.ts';

const issuedSchema = z.object({
  kind: z.enum(TOKEN_KINDS),
  name: z.string(),
  token: z.string().meta({ description: 'The token itself. No other answer shows it' }),
});

const appliedSchema = z
  .object({
    version: z.number().meta({ description: 'The version of the configuration after the change' }),
    changes: z.array(objectChangeSchema),
    tokens: z.array(issuedSchema).meta({ description: 'The tokens of new apps, agents and admins' }),
    warnings: warningsSchema,
    toConfirm: z.int().meta({
      description:
        'The `yesDelete` that this document needs before it can be applied; 0 when it needs none. Counts in a dry run, too',
    }),
  })
  .meta({ id: 'Applied' });

type Issued = z.output<typeof issuedSchema>;

/** The whole configuration as one document: to export it, to keep it in a repository, to apply it. */
export function configEndpoints(api: Api, parts: ApiParts): void {
  readEndpoint(api, parts);
  applyEndpoint(api, parts);
}

function readEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/config',
    tags: ['config'],
    operationId: 'readConfig',
    summary: 'Read the whole configuration',
    description: 'Tokens are not in it. For viewers the values of `setHeaders` are masked.',
    ...forRole('viewer'),
    responses: {
      200: jsonContent(configDocumentSchema, 'The configuration; the ETag is its version'),
      304: { description: 'The configuration still has the version in `If-None-Match`' },
      ...guardedAnswers(),
    },
  });
  api.openapi(route, async (c) => {
    const state = await control.newest();
    const headers = { ETag: etagOf(state.version) };
    if (isKnown(c, state.version)) return c.body(null, 304, headers);
    const document = documentOf(state);
    const routes = document.routes.map((each) => maskFor(c.var.admin.role, each));
    return c.json({ ...document, routes }, 200, headers);
  });
}

/** Checked by documentIn, not before the endpoint: that would hold up all others for as long as it takes. */
const DOCUMENT_CONTENT = {
  'application/json': { schema: { $ref: '#/components/schemas/ConfigDocument' } },
};

const DOCUMENT_PROBLEMS = ['body-too-large', 'unsupported-media-type', 'invalid'] as const;

const applyQuery = z.object({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'true: show the changes without making them' }),
  yesDelete: z
    .string()
    .regex(/^\d{1,9}$/, 'expected a number of objects')
    .transform(Number)
    .optional()
    .meta({
      description:
        'How many objects this document removes. Required when that is all objects, or more than half of at least four. ' +
        'Another number is refused',
    }),
});

function applyEndpoint(api: Api, { control }: ApiParts): void {
  const { security, middleware, ...role } = forRole('admin');
  const route = createRoute({
    method: 'put',
    path: '/v1/config',
    tags: ['config'],
    operationId: 'applyConfig',
    summary: 'Apply a whole configuration',
    description:
      'All of it is applied, or nothing. Objects that the document does not name are removed. ' +
      'Apps, agents and admins that exist keep their tokens; each new one gets a token. ' +
      'A document that names no list is refused: to remove everything, give empty lists and `yesDelete`.',
    security,
    middleware: [middleware, refuseNothing],
    ...role,
    request: {
      query: applyQuery,
      body: { required: true, description: 'The configuration', content: DOCUMENT_CONTENT },
    },
    responses: {
      200: jsonContent(appliedSchema, 'What has changed'),
      ...guardedAnswers('unconfirmed', 'conflict', 'stale', ...DOCUMENT_PROBLEMS),
    },
  });
  api.openapi(route, async (c) => {
    const document = await documentIn(c, await control.newest());
    const { dryRun, yesDelete } = c.req.valid('query');
    const isDryRun = dryRun === 'true';
    await refuseBroken(document);
    // Made once for each name, however often the edit is tried again.
    const made = new Map<string, { issued: Issued; stored: StoredToken }>();
    let confirm = 0;
    const { before, after, changes } = await control.change({
      actor: actorOf(c),
      action: 'apply',
      dryRun: isDryRun,
      check: keepAccess(c.var.admin),
      edit: (state) => {
        requireMatch(c, state.version);
        const edits = editsTo(document, state, made);
        const removal = removalOf(edits, state);
        if (isDryRun) confirm = toConfirm(removal);
        else requireConfirmation(removal, yesDelete);
        return edits;
      },
    });
    const issued = [...made.values()].map((each) => each.issued);
    const tokens = isDryRun ? [] : issued.filter(({ kind, name }) => !objectsOf(before, kind).has(name));
    const { version } = isDryRun ? before : after;
    c.header('ETag', etagOf(version));
    const warnings = warningsAbout(changes, after);
    const about = warnings.length > 0 ? { warnings } : {};
    return c.json({ version, changes: changes.map(plainChange), tokens, ...about, toConfirm: confirm }, 200);
  });
}

const MOST_WARNINGS = 20;

function warningsAbout(changes: readonly { kind: string; name: string }[], after: ConfigState): string[] {
  const apps = changes.filter(({ kind }) => kind === 'app').slice(0, MOST_WARNINGS);
  return apps.flatMap(({ name }) => openRouteWarnings(after, after.apps.get(name)));
}

/** An empty file or an unset variable sends an empty document. Nobody means by it that every object and token should go. */
const refuseNothing: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (/^\s*(?:\{\s*\}|null)?\s*$/.test(await c.req.text())) {
    throw new ApiProblem('invalid', {
      detail:
        'The document is empty. To remove everything, send empty lists, {"groups": [], "routes": [], "apps": [], ' +
        '"agents": [], "admins": []}, and the number of objects that this removes as yesDelete',
    });
  }
  await next();
};

/** Throws ApiProblem for what is not a document. */
async function documentIn(c: ApiContext, state: ConfigState): Promise<ConfigDocument> {
  const value = (await c.req.json()) as unknown;
  await setImmediate();
  const { document, problems } = await inSlices(parseDocument(value, state));
  if (problems.length > 0) throw new ApiProblem('invalid', { errors: problems });
  return document;
}

/** The paths of the problems lead into the document as it was sent. */
async function refuseBroken(document: ConfigDocument): Promise<void> {
  const problems = await inSlices(checkReferences(document));
  if (problems.length === 0) return;
  throw new ConfigRefusal(
    'conflict',
    'The document contradicts itself',
    problems.map(({ path, message }) => ({ path: formatPath(path), message })),
  );
}

function editsTo(
  document: ConfigDocument,
  state: ConfigState,
  made: Map<string, { issued: Issued; stored: StoredToken }>,
): ObjectEdit[] {
  return OBJECT_KINDS.flatMap((kind) => {
    const old = objectsOf(state, kind);
    const wanted = document[LIST_OF[kind]];
    const names = new Set(wanted.map(({ name }) => name));
    const removed = [...old.keys()]
      .filter((name) => !names.has(name))
      .map((name): ObjectEdit => ({ kind, name, fields: undefined }));
    const written = wanted.map((object): ObjectEdit => {
      const { name } = object;
      // One that was stored when the document was read may be another one by now.
      const fields = object === old.get(name) ? object : withoutStoreFields({ ...object });
      if (!isIdentity(kind) || old.has(name)) return { kind, name, fields };
      const key = `${kind} ${name}`;
      const { token, stored } = createToken(kind, new Date().toISOString());
      const own = made.get(key) ?? { issued: { kind, name, token }, stored };
      made.set(key, own);
      return { kind, name, fields, tokens: [own.stored] };
    });
    return [...removed, ...written];
  });
}

/** The same change with mutable lists, as the response types want them. */
export function plainChange({
  fields,
  ...change
}: { fields?: readonly (readonly unknown[])[] } & Omit<
  z.output<typeof objectChangeSchema>,
  'fields'
>): z.output<typeof objectChangeSchema> {
  return { ...change, ...(fields && { fields: fields.map((field) => [...field]) }) };
}
