/** From the time of a small answer to that of a long generation, ms. */
export const LATENCY_BOUNDS_MS = [
  ...[1, 2.5, 5, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000],
];

/** For times that should be below a millisecond: a call of Redis, a turn of the event loop. */
export const SHORT_BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/**
 * Counts values by bucket. The counts are plain arrays, because every request adds a value: prom-client's own histogram hashes
 * the labels of each value, which costs fifty times as much (docs/metrics.md has the measurement).
 */
export class Histogram {
  /** Upper bounds in ms, rising; one more bucket is above the last. */
  readonly boundsMs: readonly number[];
  /** Values per bucket, not cumulated. */
  readonly counts: number[];
  /** Sum of the values in each bucket, which tells where in the bucket they are. */
  readonly sumsMs: number[];
  sumMs = 0;

  constructor(boundsMs: readonly number[] = LATENCY_BOUNDS_MS) {
    this.boundsMs = boundsMs;
    this.counts = Array.from({ length: boundsMs.length + 1 }, () => 0);
    // Doubles from the start: V8 would have to convert an array of small integers at the first fraction.
    this.sumsMs = Array.from({ length: boundsMs.length + 1 }, () => 0.5).fill(0);
  }

  observe(ms: number): void {
    // Some times come from other processes: a single NaN would spoil the sum for ever.
    if (!(ms >= 0 && ms < Infinity)) return;
    const { boundsMs, counts } = this;
    let bucket = 0;
    while (bucket < boundsMs.length && ms > (boundsMs[bucket] ?? Infinity)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.sumsMs[bucket] = (this.sumsMs[bucket] ?? 0) + ms;
    this.sumMs += ms;
  }
}
