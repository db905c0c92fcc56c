import type { JsonObject } from '../api/client.ts';
import { apiPath } from '../api/client.ts';
import { printable } from '../terminal/printable.ts';
import type { ApiInvocation } from './api-command.ts';

const MOST_NAMED = 5;

interface RouteView {
  readonly name: string;
  readonly auth: string;
  readonly groups: readonly { readonly group: string }[];
}

/** Limits of an app apply to requests with its token, and a route without auth asks for none. */
export async function pointOutOpenRoutes({ api, out }: ApiInvocation, app: JsonObject): Promise<void> {
  const { name, rate = null, concurrency = 0, groups = [] } = app;
  if (rate === null && concurrency === 0) return;
  const used = groups as readonly string[];
  const routes = (await api.list(apiPath('routes'))) as unknown as RouteView[];
  const open = routes.filter(
    (route) =>
      route.auth === 'none' && (used.length === 0 || route.groups.some(({ group }) => used.includes(group))),
  );
  if (open.length === 0) return;
  const named = open.slice(0, MOST_NAMED).map((route) => printable(route.name));
  const more = open.length > MOST_NAMED ? ` and ${open.length - MOST_NAMED} more` : '';
  out.note(
    `The limits of ${printable(String(name))} do not apply to requests without its token, and these routes ask for none: ${named.join(', ')}${more}. ` +
      'Close one with: router-cli route set NAME --auth app',
  );
}
