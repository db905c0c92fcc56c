import type { z } from 'zod';
import { routeSchema, type Route } from '../../router-core/config/route.ts';
import { compileRoutes } from '../../router-core/routing/compile-routes.ts';
import type { RouteRequest } from '../../router-core/routing/route-search.ts';

type RouteInput = z.input<typeof routeSchema>;
type MatchInput = NonNullable<RouteInput['match']>;

/** A valid route; what makes no difference to the test is left out. Its group has its name. */
export function routeOf({
  name = 'r',
  host,
  path,
  methods,
  headers,
  ...rest
}: Partial<Omit<RouteInput, 'match'> & MatchInput> = {}): Route {
  const match = { host, path, methods, headers };
  return routeSchema.parse({ name, match, groups: [{ group: name }], ...rest });
}

/** A header is looked up as the hub does: by its name in lower case. */
export function requestOf(
  target: string,
  {
    method = 'GET',
    host = 'hub.test',
    headers = {},
  }: { method?: string; host?: string; headers?: Record<string, string> } = {},
): RouteRequest {
  const values = new Map(Object.entries(headers));
  return { method, host, target, headers: (name) => values.get(name) };
}

/** Compiles routes and tells the name of the one that a target takes. */
export function matcherOf(...routes: Route[]) {
  const table = compileRoutes(routes);
  return (target: string, options?: Parameters<typeof requestOf>[1]): string | undefined =>
    table.match(requestOf(target, options))?.route.name;
}
