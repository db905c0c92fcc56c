import type { Histogram } from './histogram.ts';

/** The definition of a metric. Labels have values from the configuration or from a fixed list, never from a client. */
export interface Metric {
  readonly name: `mini_router_${string}` | `process_${string}`;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** How the values of a hub's workers are combined; default sum. */
  readonly over?: 'sum' | 'max' | 'min';
}

/** The text format that Prometheus reads. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Metrics = Readonly<Record<string, Metric>>;

/** One value of a metric. The order of `labels` is that of the metric. A histogram counts ms and is shown in seconds. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number | Histogram;
}

export type Samples<M extends Metrics> = { readonly [K in keyof M]: readonly Sample[] };

/** Metrics and their current values: the parts keep plain numbers, which are combined only for a scrape. */
export interface MetricSource {
  readonly metrics: Metrics;
  readonly read: () => Promise<Readonly<Record<string, readonly Sample[]>>>;
}

export function metricSource<M extends Metrics>(
  metrics: M,
  read: () => Samples<M> | Promise<Samples<M>>,
): MetricSource {
  return { metrics, read: async () => read() };
}

/** A single value without labels. */
export function single(value: number | Histogram): Sample[] {
  return [{ labels: [], value }];
}
