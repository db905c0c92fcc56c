import type { Route } from '../config/route.ts';
import { parseHeaderCondition, type HeaderCondition } from './header-condition.ts';
import { parseHostPattern, type HostPattern } from './host-pattern.ts';
import { parsePathPattern, type PathPattern } from './path-pattern.ts';
import { createGroupPicker, type Random } from './pick-group.ts';
import { parseRewrite, type PathRewrite } from './rewrite-path.ts';

/** A route in the form in which requests are compared with it. */
export interface CompiledRoute {
  readonly route: Route;
  readonly host: HostPattern;
  readonly path: PathPattern;
  readonly headers: readonly HeaderCondition[];
  /** Undefined leaves the path as it is. */
  readonly rewrite: PathRewrite | undefined;
  readonly pickGroup: (random: Random) => string;
}

/** What is wrong with a route beyond what its schema tells, and where in the route. */
export interface RouteProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

type CompileResult =
  | { readonly ok: true; readonly compiled: CompiledRoute }
  | { readonly ok: false; readonly problems: RouteProblem[] };

/** Takes a route that its schema has accepted. */
export function compileRoute(route: Route): CompileResult {
  const { match } = route;
  const problems: RouteProblem[] = [];

  const headers = match.headers.flatMap((header, i) => {
    const parsed = parseHeaderCondition(header);
    if (parsed.ok) return [parsed.condition];
    problems.push({ path: ['match', 'headers', i, 'pattern'], message: parsed.message });
    return [];
  });

  const path = parsePathPattern(match.path);
  if (!path.ok) {
    problems.unshift({ path: ['match', 'path'], message: path.message });
    return { ok: false, problems };
  }
  const rewrite = parseRewrite(route, path.pattern);
  if (!rewrite.ok) {
    problems.push({ path: ['rewrite'], message: rewrite.message });
    return { ok: false, problems };
  }
  if (problems.length > 0) return { ok: false, problems };

  return {
    ok: true,
    compiled: {
      route,
      host: parseHostPattern(match.host),
      path: path.pattern,
      headers,
      rewrite: rewrite.rewrite,
      pickGroup: createGroupPicker(route.groups),
    },
  };
}

/** Everything that `compileRoutes` would refuse in a route that its schema has accepted; nothing when it is fine. */
export function checkRoute(route: Route): RouteProblem[] {
  const result = compileRoute(route);
  return result.ok ? [] : result.problems;
}
