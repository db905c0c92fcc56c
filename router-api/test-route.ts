import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { ConfigState } from '../router-core/config/config-state.ts';
import type { HubReport } from '../router-core/redis/control/hub-reports.ts';
import { RouteCompiler } from '../router-core/routing/compile-routes.ts';
import { explainRoutes } from '../router-core/routing/explain-routes.ts';
import type { RouteTable } from '../router-core/routing/route-table.ts';
import { inSlices } from '../router-core/runtime/slices.ts';
import { forRole, jsonContent, guardedAnswers } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { flagRoutesOf } from './flag-routes.ts';

const requestSchema = z
  .strictObject({
    method: z.string().min(1).max(64).default('GET'),
    host: z.string().max(255).default('').meta({ description: 'The Host field' }),
    target: z
      .string()
      .max(8_192)
      .regex(/^[!"$-~]+$/, 'expected a path and perhaps a query, percent-encoded, without #')
      .meta({ example: '/v1/models?limit=3' }),
    headers: z.record(z.string().max(256), z.string().max(8_192)).default({}),
  })
  .meta({ id: 'TestedRequest' });

const explanationSchema = z
  .object({
    matched: z.string().nullable().meta({ description: 'The route that it takes; null: no route matches' }),
    target: z.string().nullable().meta({ description: 'The path and query that the upstream would get' }),
    source: z
      .string()
      .nullable()
      .meta({ description: 'null: the route is stored. Else the hubs that have it from their flags' }),
    groups: z.array(
      z.object({
        group: z.string(),
        share: z.number().meta({ description: 'Its share of the requests, 0 to 1' }),
      }),
    ),
    scope: z.string().nullable().meta({ description: 'Only agents with this scope get the request' }),
    needsApp: z.boolean().meta({ description: 'true: the request needs the token of an app' }),
    rejected: z
      .array(z.object({ route: z.string(), why: z.string() }))
      .meta({ description: 'The first hundred other routes, in the order in which they are tried' }),
  })
  .meta({ id: 'RouteExplanation' });

/** POST /v1/routes/test: the route that a request would take. */
export function testRouteEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/routes/test',
    tags: ['routes'],
    operationId: 'testRoute',
    summary: 'Find the route that a request would take',
    description:
      'Also says why it would take no other one. Nothing is sent or changed. The routes from the flags of all live hubs count, ' +
      'also where only some hubs have them: see `source`.',
    ...forRole('viewer'),
    request: { body: { required: true, ...jsonContent(requestSchema, 'The request') } },
    responses: {
      200: jsonContent(explanationSchema, 'The route of the request'),
      ...guardedAnswers('body-too-large', 'unsupported-media-type', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { method, host, target, headers } = c.req.valid('json');
    const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const [state, hubs] = await Promise.all([control.newest(), control.hubs()]);
    const request = { method, host, target, headers: (name: string) => fields.get(name) };
    const { matched, groups, rejected, ...found } = explainRoutes(await tableOf(state, hubs), request);
    const { scope = null, auth = 'none' } = state.routes.get(matched ?? '') ?? {};
    const source = flagRoutesOf(hubs).find((each) => each.route.name === matched)?.source ?? null;
    const view = { matched: matched ?? null, target: found.target ?? null, scope, needsApp: auth === 'app' };
    return c.json({ ...view, source, groups: [...groups], rejected: [...rejected] }, 200);
  });
}

interface KnownTable {
  readonly flags: string;
  readonly table: Promise<RouteTable>;
}

/** Compiled once for each version of the routes, and again when hubs have other flags. */
const tables = new WeakMap<ConfigState['routes'], KnownTable>();

/** Omits a route that this version cannot use, as hubs do. */
function tableOf({ version, routes }: ConfigState, hubs: readonly HubReport[]): Promise<RouteTable> {
  // Before the first write a hub with flags has no other routes.
  const onlyFlags = version === 0 && hubs.length > 0 && hubs.every(({ flagRoutes }) => flagRoutes.length > 0);
  const ofFlags = flagRoutesOf(hubs).map(({ route }) => route);
  const flags = `${onlyFlags} ${ofFlags.map(({ name }) => name).join('\n')}`;
  const known = tables.get(routes);
  if (known?.flags === flags) return known.table;
  const all = [...(onlyFlags ? [] : routes.values()), ...ofFlags];
  const table = inSlices(new RouteCompiler().compileInSteps(all, () => undefined));
  tables.set(routes, { flags, table });
  return table;
}
