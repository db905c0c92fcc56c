import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { Route } from '../router-core/config/route.ts';
import type { ConfigState } from '../router-core/protocol/config-state.ts';
import { compileRoutes, RouteError } from '../router-core/routing/compile-routes.ts';
import { explainRoutes } from '../router-core/routing/explain-routes.ts';
import type { RouteTable } from '../router-core/routing/route-table.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';

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
    target: z
      .string()
      .nullable()
      .meta({ description: 'The path and query that the upstream would be asked for' }),
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

/** POST /v1/routes/test: where a request would go. */
export function testRouteEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/routes/test',
    tags: ['routes'],
    operationId: 'testRoute',
    summary: 'Tell which route a request would take',
    description:
      'And why it would take no other one. Nothing is sent or changed. Routes from the flags of hubs are tried ' +
      'after these; router-api does not know them.',
    ...forRole('viewer'),
    request: { body: { required: true, ...jsonContent(requestSchema, 'The request') } },
    responses: {
      200: jsonContent(explanationSchema, 'Where the request would go'),
      ...guardedAnswers('body-too-large', 'unsupported-media-type', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { method, host, target, headers } = c.req.valid('json');
    const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const { routes } = await control.newest();
    const request = { method, host, target, headers: (name: string) => fields.get(name) };
    const { matched, groups, rejected, ...found } = explainRoutes(tableOf(routes), request);
    const { scope = null, auth = 'none' } = routes.get(matched ?? '') ?? {};
    const view = { matched: matched ?? null, target: found.target ?? null, scope, needsApp: auth === 'app' };
    return c.json({ ...view, groups: [...groups], rejected: [...rejected] }, 200);
  });
}

/** Compiled once for each version of the routes. */
const tables = new WeakMap<ConfigState['routes'], RouteTable>();

function tableOf(routes: ConfigState['routes']): RouteTable {
  const table = tables.get(routes) ?? compileUsable([...routes.values()]);
  tables.set(routes, table);
  return table;
}

/** As hubs do it: a route that this version cannot use is left out. */
function compileUsable(routes: readonly Route[]): RouteTable {
  try {
    return compileRoutes(routes);
  } catch (error) {
    if (!(error instanceof RouteError)) throw error;
    return compileUsable(routes.filter(({ name }) => name !== error.route));
  }
}
