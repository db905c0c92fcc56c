import type { Group } from '../config/group.ts';
import type { Route } from '../config/route.ts';
import type { HeaderRules } from '../http/forward-request.ts';
import type { ConfigState } from '../protocol/config-state.ts';
import { settingsOf } from '../protocol/group-settings.ts';
import type { ServedSettings } from '../protocol/served-group.ts';
import { compileRoutes, RouteError } from '../routing/compile-routes.ts';
import type { RouteRequest } from '../routing/route-search.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { Logger } from '../runtime/logger.ts';
import { AppDirectory } from './app-directory.ts';
import type { HubConfig } from './config.ts';
import type { RequestCounts, RouteCounts } from './request-counts.ts';
import { staticConfig, staticGroup } from './static-config.ts';

/** What counts for one request: its group's policy, with what its route says otherwise. Times in ms, 0 as in the schema. */
export interface Policy {
  readonly waitMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly attempts: number;
  readonly retryUnsafe: boolean;
  readonly maxBodyBytes: number;
}

/** Where a request goes, and how. */
export interface RoutedRequest {
  readonly group: string;
  /** What the upstream is asked for. */
  readonly target: string;
  readonly scope: string | undefined;
  readonly needsApp: boolean;
  readonly policy: Policy;
  /** What the client has asked for and got, as the answer confirms it: RFC 7240 §3. */
  readonly preference: string | undefined;
  readonly headerRules: HeaderRules | undefined;
  readonly counts: RouteCounts;
}

/** The configuration as a hub uses it; immutable, swapped as a whole. */
export interface Snapshot {
  readonly version: number;
  readonly groups: readonly ServedSettings[];
  readonly apps: AppDirectory;
  /** Whether a request without a token can get through. */
  readonly isOpen: boolean;
  route(request: RouteRequest): RoutedRequest | undefined;
}

interface PreparedRoute {
  readonly scope: string | undefined;
  readonly needsApp: boolean;
  readonly groups: ReadonlyMap<string, { readonly policy: Policy; readonly counts: RouteCounts }>;
  readonly headerRules: HeaderRules | undefined;
}

export interface SnapshotContext {
  readonly config: HubConfig;
  readonly counts: RequestCounts;
  readonly log: Logger;
}

/** Compiles a version of the configuration, and what this hub's flags add to it. */
export function compileSnapshot(state: ConfigState, { config, counts, log }: SnapshotContext): Snapshot {
  const { groups, routes } = merge(state, config);
  counts.retain(new Set(groups.keys()), new Set(routes.map(({ name }) => name)));
  const prepared = new Map(routes.map((route) => [route, prepareRoute(route, groups, counts)]));
  const table = compileUsable(routes, log);
  return {
    version: state.version,
    groups: [...groups.values()].map((group) => servedSettings(state, group)),
    apps: new AppDirectory(state.apps.values()),
    isOpen: routes.some(({ auth }) => auth === 'none'),
    route(request) {
      const found = table.match(request);
      const route = found && prepared.get(found.route);
      const inGroup = found && route?.groups.get(found.group);
      if (!found || !route || !inGroup) return undefined;
      const { scope, needsApp, headerRules } = route;
      const { policy, counts: own } = inGroup;
      const { group, target } = found;
      return { group, target, scope, needsApp, policy, preference: undefined, headerRules, counts: own };
    },
  };
}

/** router-api lets no route in that cannot be used, but another version of it may think otherwise: one is left out, not all. */
function compileUsable(routes: readonly Route[], log: Logger): RouteTable {
  try {
    return compileRoutes(routes);
  } catch (error) {
    if (!(error instanceof RouteError)) throw error;
    log.error({ route: error.route, path: error.path, reason: error.message }, 'a route is left out');
    return compileUsable(
      routes.filter(({ name }) => name !== error.route),
      log,
    );
  }
}

/** What is stored beats flags of the same name. A fresh install's group has the limits of the flags. */
function merge(state: ConfigState, config: HubConfig): { groups: Map<string, Group>; routes: Route[] } {
  const fromFlags = staticConfig(config);
  const groups = new Map<string, Group>(fromFlags.groups.map((group) => [group.name, group]));
  const isFresh = state.version === 0;
  if (isFresh && groups.size > 0) return { groups, routes: [...fromFlags.routes] };
  for (const group of state.groups.values()) {
    groups.set(group.name, isFresh ? staticGroup(group.name, config) : group);
  }
  return { groups, routes: [...state.routes.values(), ...fromFlags.routes] };
}

function servedSettings(state: ConfigState, group: Group): ServedSettings {
  return { ...settingsOf(state, group), queueDepth: group.queue.depth };
}

function prepareRoute(
  route: Route,
  groups: ReadonlyMap<string, Group>,
  counts: RequestCounts,
): PreparedRoute {
  const usable = new Map<string, { policy: Policy; counts: RouteCounts }>();
  for (const { group: name } of route.groups) {
    const group = groups.get(name);
    if (group) usable.set(name, { policy: policyOf(group, route), counts: counts.of(route.name, name) });
  }
  return {
    scope: route.scope,
    needsApp: route.auth === 'app',
    groups: usable,
    headerRules: headerRulesOf(route),
  };
}

function policyOf({ queue, timeouts, retry, maxBodyBytes }: Group, route: Route): Policy {
  return {
    waitMs: queue.waitMs,
    firstByteMs: route.timeouts.firstByteMs ?? timeouts.firstByteMs,
    idleMs: route.timeouts.idleMs ?? timeouts.idleMs,
    totalMs: route.timeouts.totalMs ?? timeouts.totalMs,
    attempts: retry.attempts,
    retryUnsafe: retry.unsafe,
    maxBodyBytes,
  };
}

function headerRulesOf({ setHeaders, removeHeaders }: Route): HeaderRules | undefined {
  const set = Object.entries(setHeaders);
  if (set.length === 0 && removeHeaders.length === 0) return undefined;
  const dropped = [...set.map(([name]) => name), ...removeHeaders].map((name) => name.toLowerCase());
  return { dropped: new Set(dropped), added: set.flat() };
}
