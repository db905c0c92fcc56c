import { LATENCY_BOUNDS_MS } from '../../runtime/histogram.ts';

/**
 * How many requests took so long: by the upper bound of the bucket, ms, the last one `Infinity`. Bounds are named, so that
 * hubs of versions with others can be added up; buckets in which nothing was counted are left out.
 */
export type RecentTimes = Readonly<Record<string, number>>;

export interface Latency {
  /** Null: no request had its outcome lately. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** What hubs have counted, together. */
export function latencyOf(perHub: readonly RecentTimes[]): Latency {
  const counts = new Map<number, number>();
  for (const [text, count] of perHub.flatMap((times) => Object.entries(times))) {
    const bound = Number(text);
    counts.set(bound, (counts.get(bound) ?? 0) + count);
  }
  const buckets = [...counts].sort(([a], [b]) => a - b);
  return { p50Ms: quantileMs(buckets, 0.5), p99Ms: quantileMs(buckets, 0.99) };
}

type Bucket = readonly [upperMs: number, count: number];

/** As Prometheus estimates it: values are taken to be spread evenly over their bucket; beyond the last bound is that bound. */
function quantileMs(buckets: readonly Bucket[], share: number): number | null {
  const rank = share * buckets.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [upperMs, count] of buckets) {
    if (below + count >= rank) {
      const lowerMs = LATENCY_BOUNDS_MS.findLast((bound) => bound < upperMs) ?? 0;
      if (upperMs === Infinity) return lowerMs;
      return round(lowerMs + ((upperMs - lowerMs) * (rank - below)) / count);
    }
    below += count;
  }
  return null;
}

/** To what can be read: an estimate has no more digits. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
