import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { flagRoute } from '../router-core/config/flag-route.ts';
import type { Route } from '../router-core/config/route.ts';
import type { HubReport } from '../router-core/redis/control/hub-reports.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';

/** A route from the flags of hubs, and the hubs that have it. */
export interface LiveFlagRoute {
  readonly route: Route;
  readonly source: string;
}

const flagRouteSchema = z
  .object({
    name: z.string().meta({ example: '--group gpu=/v1/*' }),
    description: z.string(),
    priority: z.number(),
    match: z.object({ path: z.string(), methods: z.array(z.string()), headers: z.array(z.unknown()) }),
    groups: z.array(z.object({ group: z.string(), weight: z.number() })),
    auth: z.enum(['none', 'app']),
    source: z.string().meta({ description: 'The hubs that have it', example: 'flags of hub gateway-1' }),
  })
  .meta({
    id: 'FlagRoute',
    description: 'A route that hubs have from their flags; nobody can change it here',
  });

/** The routes of all live hubs, each once. */
export function flagRoutesOf(hubs: readonly HubReport[]): LiveFlagRoute[] {
  const found = new Map<string, { route: Route; hubs: HubReport[] }>();
  for (const hub of hubs) {
    for (const each of hub.flagRoutes) {
      const route = flagRoute(each);
      const known = found.get(route.name);
      if (known) known.hubs.push(hub);
      else found.set(route.name, { route, hubs: [hub] });
    }
  }
  return [...found.values()]
    .map(({ route, hubs: having }) => ({ route, source: sourceOf(having, hubs.length) }))
    .sort((a, b) => (a.route.name < b.route.name ? -1 : 1));
}

/** `flags of hub a, b`, and how many have it when not all do: then the route of a request depends on the hub that gets it. */
function sourceOf(having: readonly HubReport[], all: number): string {
  const names = [...new Set(having.map(({ name }) => name))].sort().join(', ');
  return `flags of hub ${names}${having.length < all ? ` (${having.length} of ${all} hubs)` : ''}`;
}

/** GET /v1/flag-routes: the routes that hubs serve in addition to the configuration. */
export function flagRoutesEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/flag-routes',
    tags: ['routes'],
    operationId: 'listFlagRoutes',
    summary: 'List routes from the flags of hubs',
    description:
      'The routes of all live hubs. They compete with the stored routes in the same order, with priority 0; of two that are ' +
      'otherwise equal the stored one gets the request.',
    ...forRole('viewer'),
    responses: {
      200: jsonContent(z.object({ items: z.array(flagRouteSchema) }), 'All of them'),
      ...guardedAnswers(),
    },
  });
  api.openapi(route, async (c) => {
    const items = flagRoutesOf(await control.hubs()).map(({ route: of, source }) => {
      const { name, description, priority, match, groups, auth } = of;
      return { name, description, priority, match, groups, auth, source };
    });
    return c.json({ items }, 200);
  });
}
