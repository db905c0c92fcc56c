import { ANY_ORIGIN } from '../config/cors.ts';
import type { Group } from '../config/group.ts';
import type { Route } from '../config/route.ts';
import type { CorsRules } from '../http/cors.ts';
import type { HeaderRules } from '../http/forward-request.ts';
import type { RequestCounts, RouteCounts } from './request-counts.ts';

/** Ends a path that is a prefix; only such a path can be stripped. */
const PREFIX_END = '/*';

/** The policy of one request: its group's, with the exceptions of its route. Times in ms, 0 as in the schema. */
export interface Policy {
  readonly waitMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly attempts: number;
  readonly retryUnsafe: boolean;
  readonly maxBodyBytes: number;
}

/** The part of a route that a hub needs once it has found the route. */
export interface PreparedRoute {
  readonly scope: string | undefined;
  readonly needsApp: boolean;
  readonly duplex: boolean;
  /** Undefined: a silent event stream stays silent. */
  readonly heartbeatMs: number | undefined;
  /** Undefined: the upstream answers for browser apps. */
  readonly cors: CorsRules | undefined;
  readonly groups: ReadonlyMap<string, { readonly policy: Policy; readonly counts: RouteCounts }>;
  readonly headerRules: HeaderRules | undefined;
  readonly madeFrom: readonly { readonly name: string; readonly group: Group | undefined }[];
}

export function prepareRoute(
  route: Route,
  groups: ReadonlyMap<string, Group>,
  counts: RequestCounts,
): PreparedRoute {
  const usable = new Map<string, { policy: Policy; counts: RouteCounts }>();
  const madeFrom = route.groups.map(({ group: name }) => {
    const group = groups.get(name);
    if (group) usable.set(name, { policy: policyOf(group, route), counts: counts.of(route.name, name) });
    return { name, group };
  });
  return {
    scope: route.scope,
    needsApp: route.auth === 'app',
    // A stored route may be older than these fields.
    duplex: route.duplex ?? false,
    heartbeatMs: route.sse?.heartbeatMs,
    cors: corsOf(route),
    groups: usable,
    headerRules: headerRulesOf(route),
    madeFrom,
  };
}

/** True while its groups are the objects that it was made from. A group that was gone and is back is another object. */
export function isUpToDate({ madeFrom }: PreparedRoute, groups: ReadonlyMap<string, Group>): boolean {
  return madeFrom.every(({ name, group }) => groups.get(name) === group);
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

function corsOf({ cors }: Route): CorsRules | undefined {
  if (!cors || cors.origins.length === 0) return undefined;
  const isAny = cors.origins.includes(ANY_ORIGIN);
  return { origins: isAny ? undefined : new Set(cors.origins), credentials: cors.credentials };
}

function headerRulesOf({ match, stripPrefix, setHeaders, removeHeaders }: Route): HeaderRules | undefined {
  const set = Object.entries(setHeaders);
  const named = [...set.map(([name]) => name), ...removeHeaders].map((name) => name.toLowerCase());
  const prefix = stripPrefix ? match.path.slice(0, -PREFIX_END.length) : '';
  if (prefix !== '' && !named.includes('x-forwarded-prefix')) set.push(['X-Forwarded-Prefix', prefix]);
  if (set.length === 0 && removeHeaders.length === 0) return undefined;
  return { dropped: new Set(named), added: set.flat() };
}
