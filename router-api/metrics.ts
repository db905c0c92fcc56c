import { createRoute } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { z } from 'zod';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import type { LiveStatus } from '../router-core/redis/control/live-status.ts';
import { storeMetrics } from '../router-core/redis/connection/store-metrics.ts';
import {
  METRICS_CONTENT_TYPE,
  metricSource,
  single,
  type Metrics,
  type MetricSource,
  type Sample,
} from '../router-core/runtime/metrics.ts';
import { forRole, guardedAnswers, problemAnswers } from './endpoint.ts';
import type { Api, ApiEnv } from './endpoint.ts';

/** The metrics of router-api itself, and of each group as Redis holds it at the time of the scrape. */
export const API_METRICS = {
  requests: {
    name: 'mini_router_api_requests_total',
    help: 'Requests that router-api has answered; `endpoint` is empty for an unknown path',
    type: 'counter',
    labels: ['endpoint', 'code'],
  },
  storeUp: {
    name: 'mini_router_store_up',
    help: '1 when Redis has answered this scrape; else the metrics of groups are missing',
    type: 'gauge',
    labels: [],
  },
  hubs: { name: 'mini_router_hubs', help: 'Live hub processes', type: 'gauge', labels: [] },
  waiting: {
    name: 'mini_router_group_waiting',
    help: 'Requests in line for a slot',
    type: 'gauge',
    labels: ['group'],
  },
  queued: {
    name: 'mini_router_group_queued',
    help: 'Requests handed out and not yet pulled',
    type: 'gauge',
    labels: ['group'],
  },
  running: {
    name: 'mini_router_group_running',
    help: 'Requests pulled by an instance',
    type: 'gauge',
    labels: ['group'],
  },
  capacity: {
    name: 'mini_router_group_capacity',
    help: 'Requests that the live instances of a group could run at once now',
    type: 'gauge',
    labels: ['group'],
  },
  permits: {
    name: 'mini_router_group_permits',
    help: "Permits taken out of a group's concurrency",
    type: 'gauge',
    labels: ['group'],
  },
  limit: {
    name: 'mini_router_group_permits_limit',
    help: "A group's configured concurrency; missing where there is no limit",
    type: 'gauge',
    labels: ['group'],
  },
  instances: {
    name: 'mini_router_group_instances',
    help: 'Live instances of a group, by the state that they report',
    type: 'gauge',
    labels: ['group', 'state'],
  },
} as const satisfies Metrics;

/** Agents write their state themselves: any other value counts as `other`. */
const STATES = ['ready', 'upstream-down', 'paused', 'draining', 'other'];

/** How often each endpoint was answered with each status. */
export class EndpointCounts {
  readonly #counts = new Map<string, { labels: readonly string[]; value: number }>();

  /** Must be the first middleware. */
  readonly middleware: MiddlewareHandler<ApiEnv> = async (c, next) => {
    await next();
    const labels = [endpointOf(c), String(c.res.status)];
    const key = labels.join(' ');
    const entry = this.#counts.get(key) ?? { labels, value: 0 };
    entry.value += 1;
    this.#counts.set(key, entry);
  };

  get samples(): Sample[] {
    return [...this.#counts.values()];
  }
}

/** Method and path with the names of the parameters, never with their values; empty for an unknown path. */
function endpointOf(c: Context): string {
  const { method = 'ALL', path = '' } = matchedRoutes(c).at(-1) ?? {};
  return method === 'ALL' ? '' : `${method} ${path}`;
}

export function apiMetrics(control: ControlPlane, endpoints: EndpointCounts): MetricSource {
  return metricSource(API_METRICS, async () => {
    const status = await control.status().catch(() => undefined);
    const { hubs = [], groups = [] } = status ?? {};
    const each = (read: (group: LiveStatus['groups'][number]) => number): Sample[] =>
      groups.map((group) => ({ labels: [group.name], value: read(group) }));
    return {
      requests: endpoints.samples,
      storeUp: single(status ? 1 : 0),
      hubs: status ? single(hubs.length) : [],
      waiting: each(({ waiting }) => waiting),
      queued: each(({ queued }) => queued),
      running: each(({ running }) => running),
      capacity: each(({ slots }) => slots),
      permits: each(({ permits }) => permits),
      limit: each(({ name }) => control.state.groups.get(name)?.concurrency ?? 0).filter(
        ({ value }) => value !== 0,
      ),
      instances: groups.flatMap(instanceSamples),
    };
  });
}

function instanceSamples({ name, instances }: LiveStatus['groups'][number]): Sample[] {
  const states = instances.map(({ state }) => (STATES.includes(state) ? state : 'other'));
  return STATES.map((state) => ({
    labels: [name, state],
    value: states.filter((each) => each === state).length,
  }));
}

export interface MetricsOptions {
  readonly sources: readonly MetricSource[];
  /** True when no token is needed. */
  readonly isOpen: boolean;
}

/** GET /metrics: for Prometheus. */
export function metricsEndpoint(api: Api, { sources, isOpen }: MetricsOptions): void {
  const route = createRoute({
    method: 'get',
    path: '/metrics',
    tags: ['status'],
    operationId: 'readMetrics',
    summary: 'Read metrics, for Prometheus',
    description: 'Metrics of router-api itself, and of every group as Redis holds it now.',
    ...(isOpen ? { security: [] } : forRole('viewer')),
    responses: {
      200: {
        description: 'The text format of Prometheus',
        content: { 'text/plain': { schema: z.string() } },
      },
      ...(isOpen ? problemAnswers() : guardedAnswers()),
    },
  });
  const all = [storeMetrics(), ...sources];
  api.openapi(route, async (c) => {
    // Imported here, so that an API that nobody scrapes does not load it.
    const { renderMetrics } = await import('../router-core/runtime/metric-registry.ts');
    return c.text(await renderMetrics(all), 200, { 'Content-Type': METRICS_CONTENT_TYPE });
  });
}
