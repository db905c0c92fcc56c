import type { RecentGrowth } from '../../exchange/hub-report.ts';
import { LATENCY_BOUNDS_MS } from '../../runtime/histogram.ts';

export interface Latency {
  /** Null: no request has ended lately. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The combined counts of all hubs. */
export function latencyOf(perHub: readonly RecentGrowth[]): Latency {
  const found = new Map<number, Bucket>();
  for (const { times, sums } of perHub) {
    for (const [text, more] of Object.entries(times)) {
      const upperMs = Number(text);
      const lowerMs = LATENCY_BOUNDS_MS.findLast((bound) => bound < upperMs) ?? 0;
      const { count = 0, sumMs = 0 } = found.get(upperMs) ?? {};
      const middleMs = upperMs === Infinity ? lowerMs : (lowerMs + upperMs) / 2;
      found.set(upperMs, {
        lowerMs,
        upperMs,
        count: count + more,
        sumMs: sumMs + (sums?.[text] ?? more * middleMs),
      });
    }
  }
  const buckets = [...found.values()].sort((a, b) => a.upperMs - b.upperMs);
  return { p50Ms: quantileMs(buckets, 0.5), p99Ms: quantileMs(buckets, 0.99) };
}

interface Bucket {
  readonly lowerMs: number;
  readonly upperMs: number;
  readonly count: number;
  readonly sumMs: number;
}

/**
 * Assumes that the values of a bucket are spread evenly around their mean, as far as the nearer bound, so that the estimate
 * for a single request is about its time. Beyond the last bound it is the mean.
 */
function quantileMs(buckets: readonly Bucket[], share: number): number | null {
  const rank = share * buckets.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  for (const { lowerMs, upperMs, count, sumMs } of buckets) {
    if (below + count >= rank) {
      // A sum from another process may lie outside of its bucket.
      const meanMs = Math.min(upperMs, Math.max(lowerMs, sumMs / count));
      if (upperMs === Infinity) return round(meanMs);
      const spreadMs = Math.min(meanMs - lowerMs, upperMs - meanMs);
      return round(meanMs - spreadMs + (2 * spreadMs * (rank - below)) / count);
    }
    below += count;
  }
  return null;
}

/** Rounds to the precision of an estimate. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
