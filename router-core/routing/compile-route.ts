import type { Route } from '../config/route.ts';
import { parseHeaderCondition, type HeaderCondition } from './header-condition.ts';
import { parseHostPattern, type HostPattern } from './host-pattern.ts';
import { parsePathPattern, type PathPattern } from './path-pattern.ts';
import { createGroupPicker, type Random } from './pick-group.ts';
import { parseRewrite, type PathRewrite } from './rewrite-path.ts';

/** A route in the form that requests are matched with. */
export interface CompiledRoute {
  readonly route: Route;
  readonly host: HostPattern;
  readonly path: PathPattern;
  readonly headers: readonly HeaderCondition[];
  /** Undefined: the path stays as it is. */
  readonly rewrite: PathRewrite | undefined;
  readonly pickGroup: (random: Random) => string;
}

/** A problem of a route that its schema cannot find, and the path of the field. */
export interface RouteProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

type CompileResult =
  | { readonly ok: true; readonly compiled: CompiledRoute }
  | { readonly ok: false; readonly problems: RouteProblem[] };

/** Expects a route that its schema has accepted. */
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

/** The problems for which `compileRoutes` would refuse a route that its schema has accepted; empty when there are none. */
export function checkRoute(route: Route): RouteProblem[] {
  const result = compileRoute(route);
  return result.ok ? [] : result.problems;
}
