import cluster from 'node:cluster';
import { AggregatorRegistry, Registry } from 'prom-client';
import type { Histogram } from './histogram.ts';
import type { Metric, MetricSource, Sample } from './metrics.ts';

type MetricJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

interface Value {
  readonly metricName?: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Samples for prom-client to render or to add up over workers, read from the sources at that moment. */
class SourceRegistry extends Registry {
  readonly #sources: readonly MetricSource[];

  constructor(sources: readonly MetricSource[]) {
    super();
    this.#sources = sources;
  }

  override async getMetricsAsJSON(): Promise<MetricJson[]> {
    const perSource = this.#sources.map(async ({ metrics, read }) => {
      const samples = await read();
      return Object.entries(metrics).map(([key, metric]) => metricJson(metric, samples[key] ?? []));
    });
    return (await Promise.all(perSource)).flat();
  }

  override async metrics(): Promise<string> {
    return AggregatorRegistry.aggregate([await this.getMetricsAsJSON()]).metrics();
  }
}

/** The text that Prometheus reads. */
export async function renderMetrics(sources: readonly MetricSource[]): Promise<string> {
  return new SourceRegistry(sources).metrics();
}

/** For a worker: answers its primary with its values. */
export function shareWithPrimary(sources: readonly MetricSource[]): void {
  AggregatorRegistry.setRegistries(new SourceRegistry(sources));
  // The constructor starts to listen for requests of the primary.
  void new AggregatorRegistry();
}

/** For the primary: the values of all workers together. Rejects when one of them does not answer. */
export function collectFromWorkers(): () => Promise<string> {
  const all = new AggregatorRegistry();
  // Without workers there is nothing to add up. That is no error: the first may be about to start.
  return async () => (Object.keys(cluster.workers ?? {}).length === 0 ? '' : all.clusterMetrics());
}

function metricJson({ name, help, type, labels, over = 'sum' }: Metric, samples: readonly Sample[]) {
  const values = samples.flatMap(({ labels: texts, value }): Value[] => {
    const named = Object.fromEntries(labels.map((label, i) => [label, texts[i] ?? '']));
    return typeof value === 'number' ? [{ labels: named, value }] : histogramValues(name, named, value);
  });
  return { name, help, type, aggregator: over, values } as unknown as MetricJson;
}

function histogramValues(name: string, labels: Record<string, string>, histogram: Histogram): Value[] {
  const { boundsMs, counts, sumMs } = histogram;
  let below = 0;
  const buckets = counts.map((count, i) => {
    below += count;
    const bound = boundsMs[i];
    const le = bound === undefined ? '+Inf' : String(bound / 1_000);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${name}_count`, labels, value: below },
  ];
}
