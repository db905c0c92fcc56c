import type { ConfigDocument } from './document.ts';
import type { Route } from './route.ts';
import type { Steps } from './steps.ts';

export interface ReferenceProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

/**
 * Problems between objects: names of groups that do not exist, and routes of which one could never get a request. The whole
 * document is checked as it would be after a change, so this also finds the users of a group that is to be removed.
 */
export function* checkReferences(document: ConfigDocument): Steps<ReferenceProblem[]> {
  const dangling = danglingReferences(document);
  yield;
  return [...dangling, ...(yield* routesThatMatchTheSame(document.routes))];
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
function* routesThatMatchTheSame(routes: readonly Route[]): Steps<ReferenceProblem[]> {
  const problems: ReferenceProblem[] = [];
  const nameOf = new Map<string, string>();
  for (const [i, route] of routes.entries()) {
    yield;
    const rule = ruleOf(route);
    const other = nameOf.get(rule);
    if (other !== undefined) {
      const message = `the route "${route.name}" matches the same requests as the route "${other}", with the same priority`;
      problems.push({ path: ['routes', i, 'match'], message });
    }
    nameOf.set(rule, other ?? route.name);
  }
  return problems;
}

/** Objects of the configuration never change: the rule of each is made once, however often one of the others is written. */
const rules = new WeakMap<Route, string>();

function ruleOf(route: Route): string {
  const rule = rules.get(route) ?? canonicalRule(route);
  rules.set(route, rule);
  return rule;
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
