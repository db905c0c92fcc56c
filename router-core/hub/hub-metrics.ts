import type { OrphanOutcome } from '../exchange/group-view.ts';
import { metricSource, single, type Metrics, type MetricSource, type Sample } from '../runtime/metrics.ts';
import type { AgentDoor } from './front/agent-door.ts';
import type { ExchangeState } from './exchange-state.ts';
import type { HubContext } from './hub-context.ts';
import type { GroupCounts } from './request-counts.ts';

/** The metrics of a hub. A test holds docs/metrics.md to this table. */
export const HUB_METRICS = {
  requests: {
    name: 'mini_router_hub_requests_total',
    help: 'Requests that have their outcome; code 499: the client left before an answer; no route: both names are empty',
    type: 'counter',
    labels: ['group', 'route', 'code'],
  },
  problems: {
    name: 'mini_router_hub_problems_total',
    help: 'Errors of the router itself, by the code that clients find in Router-Error',
    type: 'counter',
    labels: ['group', 'problem'],
  },
  queue: {
    name: 'mini_router_hub_queue_seconds',
    help: 'From the head of a request to the head of its reply, without the time of the upstream',
    type: 'histogram',
    labels: ['group'],
  },
  upstream: {
    name: 'mini_router_hub_upstream_seconds',
    help: 'From the call of the upstream to the head of its reply, as the agent says',
    type: 'histogram',
    labels: ['group'],
  },
  total: {
    name: 'mini_router_hub_request_seconds',
    help: 'From the head of a request to its outcome, its body included',
    type: 'histogram',
    labels: ['group'],
  },
  inProgress: {
    name: 'mini_router_hub_requests_in_progress',
    help: 'Requests without an outcome, by what they wait for',
    type: 'gauge',
    labels: ['group', 'state'],
  },
  capacity: {
    name: 'mini_router_hub_capacity',
    help: 'Requests that this hub may have in progress: --max-in-flight of all its processes',
    type: 'gauge',
    labels: [],
  },
  cancels: {
    name: 'mini_router_hub_cancels_total',
    help: 'Requests ended before they were answered, wherever they were: the client left, time ran out, a drain, a revoked token',
    type: 'counter',
    labels: ['group'],
  },
  redeliveries: {
    name: 'mini_router_hub_redeliveries_total',
    help: 'Times that a request of this hub was put back in line for another attempt',
    type: 'counter',
    labels: ['group'],
  },
  invalidReplies: {
    name: 'mini_router_hub_invalid_replies_total',
    help: 'Replies of agents that break the rules of HTTP, or of frames, and were ended for it',
    type: 'counter',
    labels: ['group'],
  },
  faults: {
    name: 'mini_router_hub_faults_total',
    help: 'Exceptions in the handling of a request, which it ended; no group: before its route was known',
    type: 'counter',
    labels: ['group'],
  },
  descriptorShortages: {
    name: 'mini_router_hub_descriptor_shortages_total',
    help: 'Looks, one a second, that found no file descriptor free: new connections were closed at once',
    type: 'counter',
    labels: [],
  },
  sweeps: {
    name: 'mini_router_hub_sweeps_total',
    help: 'Searches for what lost agents have left behind',
    type: 'counter',
    labels: ['group', 'result'],
  },
  orphans: {
    name: 'mini_router_hub_orphans_total',
    help: 'Requests that the sweeps of this hub have taken from lost agents',
    type: 'counter',
    labels: ['group', 'outcome'],
  },
  missedDoorbells: {
    name: 'mini_router_hub_missed_doorbells_total',
    help: 'Doorbells that were lost or late: what they announced was found by reading',
    type: 'counter',
    labels: [],
  },
  instances: {
    name: 'mini_router_hub_group_instances',
    help: 'Live instances of a group, as the last sweep of this hub has found them',
    type: 'gauge',
    labels: ['group'],
    over: 'max',
  },
  waiting: {
    name: 'mini_router_hub_group_waiting',
    help: 'Requests of all hubs in line for a slot, as the last sweep of this hub has found them',
    type: 'gauge',
    labels: ['group'],
    over: 'max',
  },
  faulty: {
    name: 'mini_router_hub_group_faulty',
    help: '1 while this hub does not serve a group because of what its keys hold',
    type: 'gauge',
    labels: ['group'],
    over: 'max',
  },
  links: {
    name: 'mini_router_hub_links',
    help: 'Links of agents that are open at this hub',
    type: 'gauge',
    labels: [],
  },
  linksOpened: {
    name: 'mini_router_hub_links_opened_total',
    help: 'Links of agents that this hub has let in',
    type: 'counter',
    labels: [],
  },
  linksRefused: {
    name: 'mini_router_hub_links_refused_total',
    help: 'Links of agents that this hub has refused or ended, by the code in docs/link.md',
    type: 'counter',
    labels: ['code'],
  },
  adopted: {
    name: 'mini_router_hub_adopted_requests_total',
    help: 'Requests of linked agents that this hub has taken over from another one',
    type: 'counter',
    labels: [],
  },
  ready: {
    name: 'mini_router_hub_ready',
    help: '1 when this hub takes requests: Redis answers and the configuration is known',
    type: 'gauge',
    labels: [],
    over: 'min',
  },
  configVersion: {
    name: 'mini_router_hub_config_version',
    help: 'Version of the configuration that is served; of several workers the oldest',
    type: 'gauge',
    labels: [],
    over: 'min',
  },
  misuses: {
    name: 'mini_router_hub_http2_misuses_total',
    help: 'Connections of HTTP/2 that ended because their client broke the rules or flooded the hub',
    type: 'counter',
    labels: [],
  },
  certificateExpiry: {
    name: 'mini_router_hub_certificate_expiry_seconds',
    help: 'When a certificate of --tls-cert expires, seconds since 1970; of several workers the earliest',
    type: 'gauge',
    labels: ['file'],
    over: 'min',
  },
} as const satisfies Metrics;

const STATES: readonly ExchangeState[] = ['reading', 'admitting', 'waiting', 'handed', 'replying'];

const OUTCOMES: readonly OrphanOutcome[] = ['moved', 'returned', 'lost', 'exhausted', 'dropped'];

/** Sources of values that are not in the context. */
export interface Shown {
  readonly acceptor: { readonly snapshot: { readonly version: number } | undefined };
  /** Undefined when no agent may dial in. */
  readonly door: AgentDoor | undefined;
  /** Undefined without TLS. `expiresAt` in ms since the epoch. */
  readonly certificates:
    { expiries(): readonly { readonly file: string; readonly expiresAt: number }[] } | undefined;
}

export function hubMetrics(context: HubContext, { acceptor, door, certificates }: Shown): MetricSource {
  const { counts, link, config } = context;
  return metricSource(HUB_METRICS, () => {
    const groups = [...link.groups()];
    return {
      requests: requestSamples(context),
      problems: [...counts.groups, counts.unrouted.group].flatMap(({ name, problems }) =>
        [...problems].map(([problem, value]) => ({ labels: [name, problem], value })),
      ),
      queue: perGroup(context, ({ queue }) => queue),
      upstream: perGroup(context, ({ upstream }) => upstream),
      total: perGroup(context, ({ total }) => total),
      inProgress: inProgressSamples(context),
      capacity: single(config.maxInFlight),
      cancels: perGroup(context, ({ cancels }) => cancels),
      redeliveries: perGroup(context, ({ redeliveries }) => redeliveries),
      invalidReplies: perGroup(context, ({ invalidReplies }) => invalidReplies),
      faults: [...counts.groups, counts.unrouted.group].map(({ name, faults }) => ({
        labels: [name],
        value: faults,
      })),
      descriptorShortages: single(context.descriptors.shortages),
      sweeps: groups.flatMap(
        ([
          name,
          {
            counts: { sweeps, failures },
          },
        ]) => [
          { labels: [name, 'ok'], value: sweeps },
          { labels: [name, 'failed'], value: failures },
        ],
      ),
      orphans: groups.flatMap(([name, { counts: swept }]) =>
        OUTCOMES.map((outcome) => ({ labels: [name, outcome], value: swept[outcome] })),
      ),
      missedDoorbells: single(link.missedDoorbells),
      instances: groups.map(([name, { lastSweep }]) => ({ labels: [name], value: lastSweep.instances })),
      waiting: groups.map(([name, { lastSweep }]) => ({ labels: [name], value: lastSweep.inLine })),
      faulty: groups.map(([name, { fault }]) => ({ labels: [name], value: fault === undefined ? 0 : 1 })),
      links: single(door?.links ?? 0),
      linksOpened: single(door?.counts.opened ?? 0),
      linksRefused: [...(door?.counts.refused ?? [])].map(([code, value]) => ({ labels: [code], value })),
      adopted: single(door?.counts.adopted ?? 0),
      ready: single(link.ready ? 1 : 0),
      configVersion: single(acceptor.snapshot?.version ?? 0),
      misuses: single(counts.misuses),
      certificateExpiry: (certificates?.expiries() ?? []).map(({ file, expiresAt }) => ({
        labels: [file],
        value: expiresAt / 1_000,
      })),
    };
  });
}

function requestSamples({ counts }: HubContext): Sample[] {
  return counts.routes.flatMap(({ route, group, codes }) =>
    [...codes].map(([code, { count }]) => ({ labels: [group.name, route, String(code)], value: count })),
  );
}

function perGroup({ counts }: HubContext, read: (group: GroupCounts) => Sample['value']): Sample[] {
  return counts.groups.map((group) => ({ labels: [group.name], value: read(group) }));
}

/** Counts the requests when asked, so that no gauge has to be kept in step with them. */
function inProgressSamples({ inFlight, link }: HubContext): Sample[] {
  const found = new Map([...link.groups().keys()].map((group) => [group, new Map<ExchangeState, number>()]));
  for (const { group, state } of inFlight.values()) {
    const states = found.get(group);
    states?.set(state, (states.get(state) ?? 0) + 1);
  }
  return [...found].flatMap(([group, states]) =>
    STATES.map((state) => ({ labels: [group, state], value: states.get(state) ?? 0 })),
  );
}
