import { BAD_INPUT_KINDS, badInput } from '../../runtime/bad-input.ts';
import { metricSource, type Metrics, type MetricSource } from '../../runtime/metrics.ts';
import { loadedScripts } from './run-script.ts';

/** The Redis metrics of every process. */
export const STORE_METRICS = {
  roundTrip: {
    name: 'mini_router_store_seconds',
    help: 'How long Redis took to answer a script, seen from here; a call may carry many requests',
    type: 'histogram',
    labels: ['script'],
  },
  badInput: {
    name: 'mini_router_store_bad_input_total',
    help: 'Data from Redis that could not be parsed, by kind; the log names the places once a minute',
    type: 'counter',
    labels: ['kind'],
  },
} as const satisfies Metrics;

/** Calls of this process; scripts that it has not run are omitted. */
export function storeMetrics(): MetricSource {
  return metricSource(STORE_METRICS, () => ({
    roundTrip: loadedScripts
      .filter(({ roundTrip }) => roundTrip.counts.some((count) => count > 0))
      .map(({ name, roundTrip }) => ({ labels: [name], value: roundTrip })),
    badInput: BAD_INPUT_KINDS.map((kind) => ({ labels: [kind], value: badInput.counts[kind] })),
  }));
}
