import { Histogram, SHORT_BOUNDS_MS } from './histogram.ts';
import { metricSource, single, type MetricSource, type Metrics } from './metrics.ts';
import { packageVersion } from './package-info.ts';

/** The metrics of every process. */
export const PROCESS_METRICS = {
  info: {
    name: 'mini_router_info',
    help: 'Processes of this part and version',
    type: 'gauge',
    labels: ['part', 'version'],
  },
  build: {
    name: 'mini_router_build_info',
    help: 'Always 1: version of the package, and of the Node.js that runs it',
    type: 'gauge',
    labels: ['version', 'node'],
    over: 'max',
  },
  lag: {
    name: 'mini_router_event_loop_lag_seconds',
    help: 'How late a timer fires that is due every 100 ms',
    type: 'histogram',
    labels: [],
  },
  cpu: {
    name: 'process_cpu_seconds_total',
    help: 'CPU time, user and system',
    type: 'counter',
    labels: [],
  },
  memory: {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    type: 'gauge',
    labels: [],
  },
  startedAt: {
    name: 'process_start_time_seconds',
    help: 'Start of the process, since 1970; of several workers the oldest',
    type: 'gauge',
    labels: [],
    over: 'min',
  },
} as const satisfies Metrics;

/** Every stall that is longer than this is noticed. */
const TICK_MS = 100;

/** Watches the event loop from now on; does not keep the process alive. */
export function processMetrics(part: 'hub' | 'agent' | 'api'): MetricSource & { close(): void } {
  const lag = new Histogram(SHORT_BOUNDS_MS);
  let dueAt = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lag.observe(Math.max(0, now - dueAt));
    dueAt = now + TICK_MS;
  }, TICK_MS);
  timer.unref();
  const source = metricSource(PROCESS_METRICS, () => {
    const { user, system } = process.cpuUsage();
    return {
      info: [{ labels: [part, packageVersion()], value: 1 }],
      build: [{ labels: [packageVersion(), process.versions.node], value: 1 }],
      lag: single(lag),
      cpu: single((user + system) / 1e6),
      memory: single(process.memoryUsage.rss()),
      startedAt: single(performance.timeOrigin / 1_000),
    };
  });
  return { ...source, close: () => clearInterval(timer) };
}
