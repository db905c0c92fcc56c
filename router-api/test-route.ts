import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { ConfigState } from '../router-core/protocol/config-state.ts';
import { RouteCompiler } from '../router-core/routing/compile-routes.ts';
import { explainRoutes } from '../router-core/routing/explain-routes.ts';
import type { RouteTable } from '../router-core/routing/route-table.ts';
import { inSlices } from '../router-core/runtime/slices.ts';
import { forRole, jsonContent, problemAnswer } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';

const requestSchema = z
  .strictObject({
    method: z.string().min(1).max(64).default('GET'),
    host: z.string().max(255).default('').meta({ description: 'As the Host field has it' }),
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
    matched: z.string().nullable().meta({ description: 'The route; null: none matches' }),
    target: z.string().nullable().meta({ description: 'What the upstream is asked for' }),
    groups: z.array(z.object({ group: z.string(), share: z.number().meta({ description: '0 to 1' }) })),
    scope: z.string().nullable().meta({ description: 'Only agents that carry it get the request' }),
    needsApp: z.boolean().meta({ description: 'Whether the token of an app is needed' }),
    rejected: z
      .array(z.object({ route: z.string(), why: z.string() }))
      .meta({ description: 'The first hundred others, in the order in which they are tried' }),
  })
  .meta({ id: 'RouteExplanation' });

/** POST /v1/routes/test: where a request would go. */
export function testRouteEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/routes/test',
    tags: ['routes'],
    summary: 'Tell which route a request would take, and why not another one',
    description:
      'Changes nothing. Routes that hubs have from their own flags stand behind these and are not known here.',
    ...forRole('viewer'),
    request: { body: { required: true, ...jsonContent(requestSchema, 'The request') } },
    responses: { 200: jsonContent(explanationSchema, 'Where it would go'), default: problemAnswer },
  });
  api.openapi(route, async (c) => {
    const { method, host, target, headers } = c.req.valid('json');
    const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const { routes } = await control.newest();
    const request = { method, host, target, headers: (name: string) => fields.get(name) };
    const { matched, groups, rejected, ...found } = explainRoutes(await tableOf(routes), request);
    const { scope = null, auth = 'none' } = routes.get(matched ?? '') ?? {};
    const view = { matched: matched ?? null, target: found.target ?? null, scope, needsApp: auth === 'app' };
    return c.json({ ...view, groups: [...groups], rejected: [...rejected] }, 200);
  });
}

/** Compiled once for each version of the routes. */
const tables = new WeakMap<ConfigState['routes'], Promise<RouteTable>>();

/** As hubs do it: a route that this version cannot use is left out. */
function tableOf(routes: ConfigState['routes']): Promise<RouteTable> {
  const table =
    tables.get(routes) ?? inSlices(new RouteCompiler().compileInSteps([...routes.values()], () => undefined));
  tables.set(routes, table);
  return table;
}
