import type { RecentGrowth } from '../exchange/hub-report.ts';
import type { Histogram } from '../runtime/histogram.ts';

/** Long enough that a group with a request a second has a median, short enough to show the present. */
const WINDOW_MS = 20_000;

interface Look {
  readonly atMs: number;
  readonly counts: readonly number[];
  readonly sumsMs: readonly number[];
}

/**
 * Durations of the requests of late: the growth of a histogram within some twenty seconds. The metrics count each request anyway,
 * so this costs something only when asked.
 */
export class RecentHistograms {
  readonly #looks = new WeakMap<Histogram, Look[]>();

  /** Undefined when nothing was counted lately. Ask every few seconds: the window begins at one of the calls before. */
  growth(histogram: Histogram, nowMs = performance.now()): RecentGrowth | undefined {
    const { boundsMs, counts, sumsMs } = histogram;
    // A histogram that is new here was empty a moment ago.
    const looks = this.#looks.get(histogram) ?? [
      { atMs: nowMs, counts: counts.map(() => 0), sumsMs: sumsMs.map(() => 0) },
    ];
    this.#looks.set(histogram, looks);
    const last = looks.at(-1);
    // Idle groups share one copy: there may be thousands of them.
    const isSame = last?.counts.every((count, i) => count === counts[i]);
    const copy = isSame && last ? last : { counts: [...counts], sumsMs: [...sumsMs] };
    looks.push({ atMs: nowMs, counts: copy.counts, sumsMs: copy.sumsMs });
    while (looks[1] && nowMs - looks[1].atMs >= WINDOW_MS) looks.shift();
    const before = looks[0];
    const times: Record<string, number> = {};
    const sums: Record<string, number> = {};
    counts.forEach((count, i) => {
      const more = count - (before?.counts[i] ?? 0);
      if (more <= 0) return;
      const bound = String(boundsMs[i] ?? Infinity);
      times[bound] = more;
      sums[bound] = Math.round(10 * ((sumsMs[i] ?? 0) - (before?.sumsMs[i] ?? 0))) / 10;
    });
    return Object.keys(times).length === 0 ? undefined : { times, sums };
  }
}
