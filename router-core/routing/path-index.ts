import type { Steps } from '../config/steps.ts';
import type { RankedRoute, RouteSearch } from './route-search.ts';

/** A node for each path segment. Maps, not objects: a segment may be called `__proto__`. */
interface PathNode {
  readonly parent: PathNode | undefined;
  children: Map<string, PathNode> | undefined;
  /** Routes whose path ends here. */
  readonly exact: RankedRoute[];
  /** Routes whose prefix ends here. */
  readonly prefix: RankedRoute[];
}

/**
 * The routes of one host in a tree of path segments: a look-up costs as much as the path of the request is long, and at most
 * as much as the paths of the routes are deep, whatever their number. Expressions are tried one after the other.
 */
export class PathIndex {
  /** In the order of precedence. */
  readonly routes: readonly RankedRoute[];
  /** The lowest rank of all routes in this index. */
  readonly firstRank: number;
  readonly #root: PathNode = createNode(undefined);
  readonly #expressions: RankedRoute[] = [];

  private constructor(routes: readonly RankedRoute[]) {
    this.routes = routes;
    this.firstRank = routes[0]?.rank ?? Infinity;
  }

  /** Expects routes in the order of precedence. */
  static *build(routes: readonly RankedRoute[]): Steps<PathIndex> {
    const index = new PathIndex(routes);
    for (const route of routes) {
      yield;
      index.#add(route);
    }
    return index;
  }

  #add(route: RankedRoute): void {
    const { path } = route;
    if (path.kind === 'expression') this.#expressions.push(route);
    else if (path.kind === 'exact') this.#nodeFor(path.path).exact.push(route);
    else this.#nodeFor(path.prefix).prefix.push(route);
  }

  /** Offers every route whose path matches, and all expressions. */
  search(search: RouteSearch): void {
    const { path } = search;
    let node = this.#root;
    let end = 0;
    while (node.children !== undefined && end < path.length) {
      const next = endOfSegment(path, end);
      const child = node.children.get(path.slice(end + 1, next));
      if (child === undefined) break;
      node = child;
      end = next;
    }
    if (end === path.length) search.offer(node.exact);
    search.offer(this.#expressions);
    for (let at: PathNode | undefined = node; at !== undefined; at = at.parent) search.offer(at.prefix);
  }

  #nodeFor(path: string): PathNode {
    let node = this.#root;
    for (let end = 0; end < path.length;) {
      const next = endOfSegment(path, end);
      const segment = path.slice(end + 1, next);
      node.children ??= new Map();
      const child = node.children.get(segment) ?? createNode(node);
      node.children.set(segment, child);
      node = child;
      end = next;
    }
    return node;
  }
}

const createNode = (parent: PathNode | undefined): PathNode => ({
  parent,
  children: undefined,
  exact: [],
  prefix: [],
});

/** The end of the segment that follows the slash at `slash`. */
function endOfSegment(path: string, slash: number): number {
  const next = path.indexOf('/', slash + 1);
  return next < 0 ? path.length : next;
}
