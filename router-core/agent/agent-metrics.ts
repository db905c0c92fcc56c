import { Histogram } from '../runtime/histogram.ts';
import { metricSource, type Metrics, type MetricSource, type Sample } from '../runtime/metrics.ts';

/** The metrics of an agent. A test compares docs/metrics.md with this table. `agent`: the instance, as in the status. */
export const AGENT_METRICS = {
  requests: {
    name: 'mini_router_agent_requests_total',
    help: 'Replies whose head the upstream has sent, by their status',
    type: 'counter',
    labels: ['group', 'agent', 'code'],
  },
  failures: {
    name: 'mini_router_agent_upstream_failures_total',
    help: 'Calls without a reply: the upstream could not be reached, or broke off before the head',
    type: 'counter',
    labels: ['group', 'agent', 'reason'],
  },
  upstream: {
    name: 'mini_router_agent_upstream_seconds',
    help: 'From the call of the upstream to the head of its reply',
    type: 'histogram',
    labels: ['group', 'agent'],
  },
  total: {
    name: 'mini_router_agent_request_seconds',
    help: 'How long requests held their slot: from the pull until the end of the reply was sent to Redis',
    type: 'histogram',
    labels: ['group', 'agent'],
  },
  stops: {
    name: 'mini_router_agent_stops_total',
    help: 'Requests that were stopped: cancelled, out of time, or taken away',
    type: 'counter',
    labels: ['group', 'agent'],
  },
  requeued: {
    name: 'mini_router_agent_requeued_total',
    help: 'Requests that were requeued for another instance to run',
    type: 'counter',
    labels: ['group', 'agent'],
  },
  inFlight: {
    name: 'mini_router_agent_in_flight',
    help: 'Requests that run now',
    type: 'gauge',
    labels: ['group', 'agent'],
  },
  capacity: {
    name: 'mini_router_agent_capacity',
    help: 'Requests that may run at once: its slots as the group grants them, 0 while it pulls nothing',
    type: 'gauge',
    labels: ['group', 'agent'],
  },
  up: {
    name: 'mini_router_agent_upstream_up',
    help: '1 while the upstream can be reached and its health check passes',
    type: 'gauge',
    labels: ['group', 'agent'],
  },
  missedDoorbells: {
    name: 'mini_router_agent_missed_doorbells_total',
    help: 'Doorbells that were lost or late: what they announced was found by reading',
    type: 'counter',
    labels: ['group', 'agent'],
  },
} as const satisfies Metrics;

/** Counts the outcomes of one instance's requests. Plain numbers, because every request changes them. */
export class InstanceCounts {
  readonly upstream = new Histogram();
  readonly total = new Histogram();
  readonly codes = new Map<number, { count: number }>();
  unreached = 0;
  failed = 0;
  stops = 0;
  requeued = 0;

  /** The head of a reply has come. */
  replied(status: number, upstreamMs: number): void {
    this.upstream.observe(upstreamMs);
    const entry = this.codes.get(status);
    if (entry) entry.count += 1;
    else this.codes.set(status, { count: 1 });
  }
}

/** The current state of an instance, for metrics. */
export interface InstanceState {
  readonly group: string;
  readonly name: string;
  readonly inFlight: number;
  readonly capacity: number;
  readonly up: boolean;
  readonly missedDoorbells: number;
  readonly counts: InstanceCounts;
}

/** `instances`: the current ones. */
export function agentMetrics(instances: () => readonly InstanceState[]): MetricSource {
  return metricSource(AGENT_METRICS, () => {
    const states = instances();
    const each = (read: (state: InstanceState) => Sample['value']): Sample[] =>
      states.map((state) => ({ labels: [state.group, state.name], value: read(state) }));
    return {
      requests: states.flatMap(({ group, name, counts }) =>
        [...counts.codes].map(([code, { count }]) => ({ labels: [group, name, String(code)], value: count })),
      ),
      failures: states.flatMap(({ group, name, counts }) => [
        { labels: [group, name, 'unreached'], value: counts.unreached },
        { labels: [group, name, 'failed'], value: counts.failed },
      ]),
      upstream: each(({ counts }) => counts.upstream),
      total: each(({ counts }) => counts.total),
      stops: each(({ counts }) => counts.stops),
      requeued: each(({ counts }) => counts.requeued),
      inFlight: each(({ inFlight }) => inFlight),
      capacity: each(({ capacity }) => capacity),
      up: each(({ up }) => (up ? 1 : 0)),
      missedDoorbells: each(({ missedDoorbells }) => missedDoorbells),
    };
  });
}
