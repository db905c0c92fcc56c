import { headerMatches, type HeaderCondition } from './header-condition.ts';
import { hostMatches } from './host-pattern.ts';
import { pathMatches, type PathPattern } from './path-pattern.ts';
import { comparePrecedence } from './precedence.ts';
import { hostOf } from './request-host.ts';
import type { RankedRoute, RouteRequest } from './route-search.ts';
import type { RouteTable } from './route-table.ts';

/** The route that a request would take, and the reasons against the others. */
export interface RouteExplanation {
  /** The name of the route; undefined when none matches. */
  readonly matched: string | undefined;
  /** The target that the upstream would get; undefined when no route matches. */
  readonly target: string | undefined;
  /** All groups of the route and the share of requests that each gets, 0 to 1. */
  readonly groups: readonly { readonly group: string; readonly share: number }[];
  /** The first ones in the order of precedence. */
  readonly rejected: readonly { readonly route: string; readonly why: string }[];
}

/** An expression costs as much here as in a request, and nobody reads more than this. */
const MOST_REJECTED = 100;

export function explainRoutes(table: RouteTable, request: RouteRequest): RouteExplanation {
  const found = table.find(request);
  const rejected = table.routes
    .filter((route) => route !== found?.route)
    .slice(0, MOST_REJECTED)
    .map((route) => ({ route: route.route.name, why: whyNot(route, request, found?.route) }));
  return {
    matched: found?.route.route.name,
    target: found?.target,
    groups: found === undefined ? [] : shares(found.route),
    rejected,
  };
}

function shares({ route }: RankedRoute): { group: string; share: number }[] {
  const total = route.groups.reduce((sum, { weight }) => sum + weight, 0);
  return route.groups.map(({ group, weight }) => ({ group, share: weight / total }));
}

function whyNot(route: RankedRoute, request: RouteRequest, matched: RankedRoute | undefined): string {
  const { host, methods } = route.route.match;
  if (!hostMatches(route.host, hostOf(request.host))) return `host: it is not ${host}`;
  const path = request.target.split('?', 1)[0] ?? '';
  if (!path.startsWith('/') || !pathMatches(route.path, path)) return `path: ${pathWanted(route.path)}`;
  if (methods.length > 0 && !methods.includes(request.method))
    return `method: it is not ${methods.join(' or ')}`;
  const unmet = route.headers.find((condition) => !headerMatches(condition, request.headers(condition.name)));
  if (unmet !== undefined) return `header ${unmet.name}: ${headerWanted(unmet, request)}`;
  return matched === undefined ? '' : whyLater(route, matched);
}

function pathWanted(pattern: PathPattern): string {
  if (pattern.kind === 'exact') return `it is not ${pattern.path}`;
  if (pattern.kind === 'prefix') return `it is not ${pattern.prefix || '/'} or below`;
  return `it does not match ${pattern.expression.source}`;
}

function headerWanted({ name, value, expression }: HeaderCondition, request: RouteRequest): string {
  if (request.headers(name) === undefined) return 'it is missing';
  return value === undefined ? `it does not match ${expression?.source ?? ''}` : `it is not ${value}`;
}

/** Both match, and `matched` comes first. */
function whyLater(route: RankedRoute, matched: RankedRoute): string {
  const name = matched.route.name;
  if (route.route.priority < matched.route.priority) return `lower priority than ${name}`;
  const sameName = { ...route, route: { ...route.route, name } };
  if (comparePrecedence(sameName, matched) === 0)
    return `as specific as ${name}, which comes first by its name`;
  return `less specific than ${name}`;
}
