import type { ConfigState } from '../router-core/config/config-state.ts';
import { hasLimits, type StoredApp } from '../router-core/config/stored.ts';

const MOST_NAMED = 5;

/** The warning about an app with limits that routes do not enforce: a route with `auth` none asks for no token. */
export function openRouteWarnings({ routes }: ConfigState, app: StoredApp | undefined): string[] {
  if (!app || !hasLimits(app)) return [];
  const { name, groups } = app;
  const open = [...routes.values()].filter(
    (route) =>
      route.auth === 'none' &&
      (groups.length === 0 || route.groups.some(({ group }) => groups.includes(group))),
  );
  if (open.length === 0) return [];
  const named = open.slice(0, MOST_NAMED).map((route) => route.name);
  const more = open.length > MOST_NAMED ? ` and ${open.length - MOST_NAMED} more` : '';
  return [
    `The limits of the app ${name} do not bind a client that leaves its token out: these routes ask for no token: ` +
      `${named.join(', ')}${more}. Give them auth: app`,
  ];
}
