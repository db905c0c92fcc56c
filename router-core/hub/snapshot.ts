import type { Group } from '../config/group.ts';
import type { Route } from '../config/route.ts';
import type { CorsRules } from '../http/cors.ts';
import type { HeaderRules } from '../http/forward-request.ts';
import type { ConfigState } from '../config/config-state.ts';
import { settingsOf, type ServedSettings } from '../config/group-settings.ts';
import { RouteCompiler, type RouteError } from '../routing/compile-routes.ts';
import type { RouteRequest } from '../routing/route-search.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Steps } from '../config/steps.ts';
import { AppDirectory } from './app-directory.ts';
import type { HubConfig } from './settings.ts';
import type { RequestCounts, RouteCounts } from './request-counts.ts';
import { hidesFlagRoute } from '../config/flag-route.ts';
import { isUpToDate, prepareRoute, type Policy, type PreparedRoute } from './prepare-route.ts';
import { staticConfig, staticGroup, type StaticConfig } from './static-config.ts';

/** The group that a request goes to, and the rules for it. */
export interface RoutedRequest {
  readonly group: string;
  /** The target for the upstream. */
  readonly target: string;
  readonly scope: string | undefined;
  readonly needsApp: boolean;
  /** The upstream may answer before the request body is there. */
  readonly duplex: boolean;
  /** A comment goes into an event stream that was silent for so long, ms. */
  readonly heartbeatMs: number | undefined;
  /** Undefined: the upstream answers for browser apps. */
  readonly cors: CorsRules | undefined;
  readonly policy: Policy;
  /** The preference of the client that the hub follows, as Preference-Applied confirms it: RFC 7240 §3. */
  readonly preference: string | undefined;
  readonly headerRules: HeaderRules | undefined;
  readonly counts: RouteCounts;
}

/** The configuration as a hub uses it; immutable, swapped as a whole. */
export interface Snapshot {
  readonly version: number;
  readonly groups: readonly ServedSettings[];
  readonly apps: AppDirectory;
  /** A request without a token can get through. */
  readonly isOpen: boolean;
  route(request: RouteRequest): RoutedRequest | undefined;
}

export interface SnapshotContext {
  readonly config: HubConfig;
  readonly counts: RequestCounts;
  readonly log: Logger;
}

const HIDDEN_WARNING =
  'this flag gets no requests: a stored route of the same path, or of a higher priority, gets them. Remove one of the two';

/**
 * Compiles one version of the configuration after the other, together with this hub's flags. A prepared route is kept for as long
 * as the route and its groups are the same objects.
 */
export class SnapshotCompiler {
  readonly #context: SnapshotContext;
  readonly #fromFlags: StaticConfig;
  readonly #routes = new RouteCompiler();
  #prepared = new Map<Route, PreparedRoute>();
  /** Routes of flags that get no request, with the stored routes that get them instead, as the log has said. */
  #hidden = new Map<string, string>();

  constructor(context: SnapshotContext) {
    this.#context = context;
    this.#fromFlags = staticConfig(context.config);
  }

  /** Changes nothing that a request can see before it returns. */
  *compile(state: ConfigState): Steps<Snapshot> {
    const { groups, routes } = this.#merge(state);
    const prepared = new Map<Route, PreparedRoute>();
    const hidden = new Map<string, string>();
    for (const route of routes) {
      yield;
      prepared.set(route, this.#prepare(route, groups));
      for (const flag of this.#fromFlags.routes) {
        if (route !== flag && hidesFlagRoute(route, flag)) hidden.set(flag.name, route.name);
      }
    }
    const table = yield* this.#routes.compileInSteps(routes, (error) => this.#leaveOut(error));
    const served: ServedSettings[] = [];
    for (const group of groups.values()) {
      yield;
      served.push(servedSettings(state, group));
    }
    this.#prepared = prepared;
    this.#sayHidden(hidden);
    const isFromFlags = (name: string) => this.#fromFlags.routes.some((route) => route.name === name);
    const hasRoute = (name: string) => state.routes.has(name) || isFromFlags(name);
    this.#context.counts.retain(groups, { has: hasRoute });
    return {
      version: state.version,
      groups: served,
      apps: new AppDirectory(state.apps.values()),
      isOpen: routes.some(({ auth }) => auth === 'none'),
      route(request) {
        const found = table.match(request);
        const route = found && prepared.get(found.route);
        const inGroup = found && route?.groups.get(found.group);
        if (!found || !route || !inGroup) return undefined;
        const { scope, needsApp, duplex, heartbeatMs, cors, headerRules } = route;
        const { policy, counts } = inGroup;
        const { group, target } = found;
        const preference = undefined;
        const ofRoute = { scope, needsApp, duplex, heartbeatMs, cors, headerRules };
        return { group, target, ...ofRoute, policy, preference, counts };
      },
    };
  }

  #prepare(route: Route, groups: ReadonlyMap<string, Group>): PreparedRoute {
    const known = this.#prepared.get(route);
    return known && isUpToDate(known, groups) ? known : prepareRoute(route, groups, this.#context.counts);
  }

  /** router-api stores no route that cannot be used, but another version of it may think otherwise: one is left out, not all. */
  #leaveOut({ route, path, message: reason }: RouteError): void {
    this.#context.log.error({ route, path, reason }, 'a route is left out');
  }

  #sayHidden(hidden: ReadonlyMap<string, string>): void {
    for (const [flag, route] of hidden) {
      if (this.#hidden.get(flag) !== route) this.#context.log.warn({ flag, route }, HIDDEN_WARNING);
    }
    for (const flag of this.#hidden.keys()) {
      if (!hidden.has(flag)) this.#context.log.info({ flag }, 'this flag gets its requests again');
    }
    this.#hidden = new Map(hidden);
  }

  /** A stored group beats a flag of the same name. A fresh install's group has the limits of the flags. */
  #merge(state: ConfigState): { groups: Map<string, Group>; routes: Route[] } {
    const { config } = this.#context;
    const fromFlags = this.#fromFlags;
    const groups = new Map<string, Group>(fromFlags.groups.map((group) => [group.name, group]));
    const isFresh = state.version === 0;
    if (isFresh && groups.size > 0) return { groups, routes: [...fromFlags.routes] };
    for (const group of state.groups.values()) {
      groups.set(group.name, isFresh ? staticGroup(group.name, config) : group);
    }
    return { groups, routes: [...state.routes.values(), ...fromFlags.routes] };
  }
}

function servedSettings(state: ConfigState, group: Group): ServedSettings {
  return { ...settingsOf(state, group), queueDepth: group.queue.depth };
}
