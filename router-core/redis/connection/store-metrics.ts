import { metricSource, type Metrics, type MetricSource } from '../../runtime/metrics.ts';
import { loadedScripts } from './run-script.ts';

/** What every process shows of its dealings with Redis. */
export const STORE_METRICS = {
  roundTrip: {
    name: 'mini_router_store_seconds',
    help: 'How long Redis took to answer a script, seen from here; a call may carry many requests',
    type: 'histogram',
    labels: ['script'],
  },
} as const satisfies Metrics;

/** Calls of this process; scripts that it has not run are left out. */
export function storeMetrics(): MetricSource {
  return metricSource(STORE_METRICS, () => ({
    roundTrip: loadedScripts
      .filter(({ roundTrip }) => roundTrip.counts.some((count) => count > 0))
      .map(({ name, roundTrip }) => ({ labels: [name], value: roundTrip })),
  }));
}
