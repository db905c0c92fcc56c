import type { Route } from '../config/route.ts';
import { compileRoute, type CompiledRoute, type RouteProblem } from './compile-route.ts';
import type { Random } from './pick-group.ts';
import { comparePrecedence } from './precedence.ts';
import { RouteTable } from './route-table.ts';

/** A route that its schema accepts and that cannot be used all the same. */
export class RouteError extends Error {
  override readonly name = 'RouteError';
  /** The name of the route. */
  readonly route: string;
  /** Where in the route. */
  readonly path: readonly (string | number)[];

  constructor(route: string, { path, message }: RouteProblem) {
    super(message);
    this.route = route;
    this.path = path;
  }
}

export interface RouteTableOptions {
  /** Draws groups by their weights. Default Math.random. */
  readonly random?: Random;
}

/**
 * Makes the table that requests are matched with. Takes routes that their schema has accepted; throws RouteError for a
 * regular expression that RE2 refuses or that could take long, and for a rewrite that uses what its path does not capture.
 */
export function compileRoutes(
  routes: readonly Route[],
  { random = Math.random }: RouteTableOptions = {},
): RouteTable {
  const compiled = routes.map(compileOrThrow).sort(comparePrecedence);
  return new RouteTable(
    compiled.map((route, rank) => ({ ...route, rank })),
    random,
  );
}

function compileOrThrow(route: Route): CompiledRoute {
  const result = compileRoute(route);
  if (result.ok) return result.compiled;
  const [problem = { path: [], message: 'invalid' }] = result.problems;
  throw new RouteError(route.name, problem);
}
