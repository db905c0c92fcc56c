export interface RouteRule {
  readonly group: string;
  /** An exact path, or a prefix that ends in `/*`. */
  readonly path: string;
}

export interface RouteTable {
  /** The group that serves this request target (query included), or undefined. */
  match(target: string): string | undefined;
}

/** Exact paths first, then the longest prefix. `/a/*` serves `/a` and everything below it, `/*` everything. */
export function compileRoutes(rules: readonly RouteRule[]): RouteTable {
  const exact = new Map<string, string>();
  const prefixes: { prefix: string; group: string }[] = [];
  for (const { path, group } of rules) {
    if (path.endsWith('/*')) prefixes.push({ prefix: path.slice(0, -2), group });
    else exact.set(path, group);
  }
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  return {
    match(target) {
      const query = target.indexOf('?');
      const path = query < 0 ? target : target.slice(0, query);
      return exact.get(path) ?? prefixes.find(({ prefix }) => isBelow(path, prefix))?.group;
    },
  };
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
}
