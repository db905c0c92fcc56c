import type { ConfigDocument } from './document.ts';
import type { Route } from './route.ts';

export interface ReferenceProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

/**
 * Problems between objects: names of groups that do not exist, and routes of which one could never get a request. The whole
 * document is checked as it would be after a change, so this also finds the users of a group that is to be removed.
 */
export function checkReferences(document: ConfigDocument): ReferenceProblem[] {
  return [...danglingReferences(document), ...routesThatMatchTheSame(document.routes)];
}

function danglingReferences({ groups, routes, apps, agents }: ConfigDocument): ReferenceProblem[] {
  const existing = new Set(groups.map(({ name }) => name));
  const check = (user: string, group: string, path: (string | number)[]): ReferenceProblem[] =>
    existing.has(group) ? [] : [{ path, message: `${user} uses the group "${group}", which does not exist` }];

  return [
    ...routes.flatMap((route, i) =>
      route.groups.flatMap(({ group }, j) =>
        check(`the route "${route.name}"`, group, ['routes', i, 'groups', j, 'group']),
      ),
    ),
    ...apps.flatMap((app, i) =>
      app.groups.flatMap((group, j) => check(`the app "${app.name}"`, group, ['apps', i, 'groups', j])),
    ),
    ...agents.flatMap((agent, i) => check(`the agent "${agent.name}"`, agent.group, ['agents', i, 'group'])),
  ];
}

/** Their names alone would decide which of two such routes gets a request. */
function routesThatMatchTheSame(routes: readonly Route[]): ReferenceProblem[] {
  const nameOf = new Map<string, string>();
  return routes.flatMap((route, i) => {
    const rule = canonicalRule(route);
    const other = nameOf.get(rule);
    if (other !== undefined) {
      const message = `the route "${route.name}" matches the same requests as the route "${other}", with the same priority`;
      return [{ path: ['routes', i, 'match'], message }];
    }
    nameOf.set(rule, route.name);
    return [];
  });
}

/** Equal for rules that match the same requests, as far as that shows without comparing patterns. */
function canonicalRule({ priority, match }: Route): string {
  const headers = match.headers.map(({ name, value, pattern }) =>
    JSON.stringify([name.toLowerCase(), value ?? null, pattern ?? null]),
  );
  return JSON.stringify([
    priority,
    match.host ?? null,
    match.path.replace(/^~ /, '~'),
    [...new Set(match.methods)].sort(),
    [...new Set(headers)].sort(),
  ]);
}
