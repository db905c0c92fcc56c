import type { Route } from '../config/route.ts';
import { isPause, type Steps } from '../config/steps.ts';
import { PathIndex } from './path-index.ts';
import type { Random } from './pick-group.ts';
import { hostOf } from './request-host.ts';
import { RouteSearch, type RankedRoute, type RouteRequest } from './route-search.ts';

export interface RouteMatch {
  readonly route: Route;
  /** The target for the upstream: the path, rewritten if the route says so, and the query as it came. */
  readonly target: string;
  /** Drawn for each request when the route has several. */
  readonly group: string;
}

interface HostIndexes {
  readonly any: PathIndex;
  readonly exact: ReadonlyMap<string, PathIndex>;
  readonly parents: ReadonlyMap<string, PathIndex>;
}

/**
 * Finds the route of a request. Immutable: each change of the configuration makes a new table. There are three kinds of hosts,
 * each with a tree of paths, so the cost of a match does not grow with the number of hosts, exact paths and prefixes.
 */
export class RouteTable {
  /** All routes in the order of precedence. */
  readonly routes: readonly RankedRoute[];
  readonly #random: Random;
  readonly #exactHosts: ReadonlyMap<string, PathIndex>;
  /** By the name that a host must be below. */
  readonly #parentHosts: ReadonlyMap<string, PathIndex>;
  /** The lowest rank of all routes in `#parentHosts`. */
  #firstParentRank = Infinity;
  readonly #anyHost: PathIndex;

  private constructor(routes: readonly RankedRoute[], random: Random, { any, exact, parents }: HostIndexes) {
    this.routes = routes;
    this.#random = random;
    this.#anyHost = any;
    this.#exactHosts = exact;
    this.#parentHosts = parents;
    for (const { firstRank } of parents.values()) {
      this.#firstParentRank = Math.min(this.#firstParentRank, firstRank);
    }
  }

  /** Expects routes in the order of precedence. Hosts whose routes have not changed are taken from `previous`. */
  static *build(routes: readonly RankedRoute[], random: Random, previous?: RouteTable): Steps<RouteTable> {
    const any: RankedRoute[] = [];
    const exact = new Map<string, RankedRoute[]>();
    const parents = new Map<string, RankedRoute[]>();
    for (const [i, route] of routes.entries()) {
      if (isPause(i)) yield;
      const { host } = route;
      if (host.kind === 'any') any.push(route);
      else addTo(host.kind === 'exact' ? exact : parents, host.host, route);
    }
    return new RouteTable(routes, random, {
      any: yield* indexOf(any, previous && previous.#anyHost),
      exact: yield* indexesOf(exact, previous && previous.#exactHosts),
      parents: yield* indexesOf(parents, previous && previous.#parentHosts),
    });
  }

  match(request: RouteRequest): RouteMatch | undefined {
    const found = this.find(request);
    if (found === undefined) return undefined;
    const { route, target } = found;
    return { route: route.route, target, group: route.pickGroup(this.#random) };
  }

  /** The same without drawing a group. */
  find(request: RouteRequest): { route: RankedRoute; target: string } | undefined {
    const { target } = request;
    // `OPTIONS *` is about the server, not about a path.
    if (!target.startsWith('/')) return undefined;
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);

    const search = new RouteSearch(request, path);
    this.#searchNamedHosts(search, request.host);
    if (search.wants(this.#anyHost.firstRank)) this.#anyHost.search(search);

    const { best } = search;
    if (best === undefined) return undefined;
    if (best.rewrite === undefined) return { route: best, target };
    const rewritten = best.rewrite(path, search.captures);
    return { route: best, target: query < 0 ? rewritten : rewritten + target.slice(query) };
  }

  #searchNamedHosts(search: RouteSearch, authority: string): void {
    if (this.#exactHosts.size === 0 && this.#parentHosts.size === 0) return;
    const host = hostOf(authority);
    searchIn(this.#exactHosts.get(host), search);
    if (this.#parentHosts.size === 0 || !search.wants(this.#firstParentRank)) return;
    for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1)) {
      searchIn(this.#parentHosts.get(host.slice(dot + 1)), search);
    }
  }
}

function addTo(lists: Map<string, RankedRoute[]>, host: string, route: RankedRoute): void {
  const list = lists.get(host);
  if (list) list.push(route);
  else lists.set(host, [route]);
}

function* indexesOf(
  lists: ReadonlyMap<string, RankedRoute[]>,
  previous: ReadonlyMap<string, PathIndex> | undefined,
): Steps<Map<string, PathIndex>> {
  const indexes = new Map<string, PathIndex>();
  for (const [host, routes] of lists) indexes.set(host, yield* indexOf(routes, previous?.get(host)));
  return indexes;
}

function* indexOf(routes: readonly RankedRoute[], previous: PathIndex | undefined): Steps<PathIndex> {
  const old = previous?.routes;
  const isSame = old?.length === routes.length && routes.every((route, i) => route === old[i]);
  return isSame && previous ? previous : yield* PathIndex.build(routes);
}

function searchIn(index: PathIndex | undefined, search: RouteSearch): void {
  if (index !== undefined && search.wants(index.firstRank)) index.search(search);
}
