import type { Route } from './route.ts';

/** The flag `--group NAME[=PATH]` of a hub: a group and the path whose requests it gets, exact or ending in `/*`. */
export interface GroupRoute {
  readonly name: string;
  readonly path: string;
}

/** No stored route can have a name that begins like this. */
const FLAG = '--group ';

/** The route that the flag makes. It competes with stored routes like any other one. */
export function flagRoute({ name, path }: GroupRoute): Route {
  return {
    name: `${FLAG}${name}=${path}`,
    description: '',
    priority: 0,
    match: { path, methods: [], headers: [] },
    groups: [{ group: name, weight: 1 }],
    stripPrefix: false,
    setHeaders: {},
    removeHeaders: [],
    auth: 'none',
    duplex: false,
    timeouts: {},
    sse: {},
    cors: { origins: [], credentials: false },
  };
}

export function isFlagRoute({ name }: { readonly name: string }): boolean {
  return name.startsWith(FLAG);
}

/** True when no request can reach the route of the flag, because a stored route matches all of them and comes first. */
export function hidesFlagRoute({ priority, match }: Route, flag: Route): boolean {
  if (match.host !== undefined || match.methods.length > 0 || match.headers.length > 0) return false;
  if (priority === 0) return match.path === flag.match.path;
  return priority > 0 && covers(match.path, flag.match.path);
}

/** Both are exact or end in `/*`. For a regular expression the answer is always false: comparing it would need more. */
function covers(wide: string, path: string): boolean {
  if (!wide.startsWith('/') || !wide.endsWith('/*')) return wide === path;
  const prefix = wide.slice(0, -1);
  return path.startsWith(prefix) || path === prefix.slice(0, -1);
}
