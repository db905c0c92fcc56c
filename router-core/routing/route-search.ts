import type { CompiledRoute } from './compile-route.ts';
import { headerMatches } from './header-condition.ts';
import type { Captures } from './regular-expression.ts';

export interface RouteRequest {
  readonly method: string;
  /** The authority as sent: any case, with or without a port; empty when there is none. */
  readonly host: string;
  /** The target as sent, with its query: printable ASCII without `#`, as the hub has checked. */
  readonly target: string;
  /**
   * The value of a header by its name in lower case; undefined when the request does not have it. Must not return inherited
   * properties: a route may name a header `constructor`.
   */
  readonly headers: (name: string) => string | undefined;
}

/** A route and its place in the order of precedence: the first has rank 0. */
export interface RankedRoute extends CompiledRoute {
  readonly rank: number;
}

/**
 * One request on its way through the table. Routes may be offered in any order: the match with the lowest rank is kept, and
 * routes that cannot beat it are not looked at.
 */
export class RouteSearch {
  readonly path: string;
  readonly #request: RouteRequest;
  #best: RankedRoute | undefined;
  #captures: Captures | undefined;

  constructor(request: RouteRequest, path: string) {
    this.#request = request;
    this.path = path;
  }

  get best(): RankedRoute | undefined {
    return this.#best;
  }

  /** The captures of the best route, if its path is an expression. */
  get captures(): Captures | undefined {
    return this.#captures;
  }

  /** True when a route of this rank would beat the best so far. */
  wants(rank: number): boolean {
    return this.#best === undefined || rank < this.#best.rank;
  }

  /** Expects routes in the order of their ranks whose host matches, and whose path matches or is an expression. */
  offer(routes: readonly RankedRoute[]): void {
    for (const route of routes) {
      if (!this.wants(route.rank)) return;
      if (!this.#methodMatches(route)) continue;
      let captures: Captures | undefined;
      if (route.path.kind === 'expression') {
        captures = route.path.expression.search(this.path);
        if (captures === undefined) continue;
      }
      if (!this.#headersMatch(route)) continue;
      this.#best = route;
      this.#captures = captures;
      return;
    }
  }

  #methodMatches({ route }: RankedRoute): boolean {
    const { methods } = route.match;
    return methods.length === 0 || methods.includes(this.#request.method);
  }

  #headersMatch({ headers }: RankedRoute): boolean {
    return headers.every((condition) => headerMatches(condition, this.#request.headers(condition.name)));
  }
}
