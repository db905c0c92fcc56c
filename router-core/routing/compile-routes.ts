import type { Route } from '../config/route.ts';
import { compileRoute, type RouteProblem } from './compile-route.ts';
import type { Random } from './pick-group.ts';
import { comparePrecedence } from './precedence.ts';
import type { RankedRoute } from './route-search.ts';
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

/** Makes the table that requests are matched with, see RouteCompiler.compile. */
export function compileRoutes(routes: readonly Route[], options?: RouteTableOptions): RouteTable {
  return new RouteCompiler(options).compile(routes);
}

/**
 * Makes one table after the other out of routes most of which stay the same: a route that was in the last table, the same
 * object, is neither compiled nor put into its place again. With 10,000 routes that is what a change costs.
 */
export class RouteCompiler {
  readonly #random: Random;
  #table: RouteTable;
  /** Those of the last table, and in which call each was last wanted. */
  readonly #known = new Map<Route, { wanted: number }>();
  #calls = 0;

  constructor({ random = Math.random }: RouteTableOptions = {}) {
    this.#random = random;
    this.#table = new RouteTable([], random);
  }

  /**
   * Takes routes that their schema has accepted; throws RouteError for a regular expression that RE2 refuses or that could
   * take long, and for a rewrite that uses what its path does not capture. Then the last table counts for the next one.
   */
  compile(routes: readonly Route[]): RouteTable {
    const call = (this.#calls += 1);
    const added: RankedRoute[] = [];
    for (const route of routes) {
      const known = this.#known.get(route);
      if (known) known.wanted = call;
      else added.push(compileOrThrow(route));
    }
    const kept = this.#table.routes.filter(({ route }) => this.#known.get(route)?.wanted === call);
    if (added.length === 0 && kept.length === this.#table.routes.length) return this.#table;
    for (const [route, { wanted }] of this.#known) if (wanted !== call) this.#known.delete(route);
    for (const { route } of added) this.#known.set(route, { wanted: call });
    // Behind those that are in order already: sorting what is nearly sorted is quick.
    const ordered = [...kept, ...added].sort(comparePrecedence);
    const ranked = ordered.map((route, rank) => (route.rank === rank ? route : { ...route, rank }));
    this.#table = new RouteTable(ranked, this.#random, this.#table);
    return this.#table;
  }
}

function compileOrThrow(route: Route): RankedRoute {
  const result = compileRoute(route);
  if (result.ok) return { ...result.compiled, rank: -1 };
  const [problem = { path: [], message: 'invalid' }] = result.problems;
  throw new RouteError(route.name, problem);
}
