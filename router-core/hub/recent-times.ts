import type { RecentTimes } from '../redis/hub/latency.ts';
import type { Histogram } from '../runtime/histogram.ts';

/** Long enough that a group with a request a second has a median, short enough to show what is so now. */
const WINDOW_MS = 20_000;

interface Look {
  readonly atMs: number;
  readonly counts: readonly number[];
}

/**
 * How long requests took of late: what the counts of a histogram have grown by since it was looked at some twenty seconds
 * ago. Each request is counted anyway, for the metrics, so this costs something only when it is asked.
 */
export class RecentHistograms {
  readonly #looks = new WeakMap<Histogram, Look[]>();

  /** Undefined when nothing was counted lately. To be asked every few seconds: it goes by when it was asked before. */
  growth(histogram: Histogram, nowMs = performance.now()): RecentTimes | undefined {
    const { boundsMs, counts } = histogram;
    // One that is new here has been empty a moment ago.
    const looks = this.#looks.get(histogram) ?? [{ atMs: nowMs, counts: counts.map(() => 0) }];
    this.#looks.set(histogram, looks);
    const last = looks.at(-1)?.counts;
    // Idle groups share one copy: there may be thousands of them.
    const isSame = last?.every((count, i) => count === counts[i]);
    looks.push({ atMs: nowMs, counts: isSame && last ? last : [...counts] });
    while (looks[1] && nowMs - looks[1].atMs >= WINDOW_MS) looks.shift();
    const before = looks[0]?.counts ?? [];
    const grown = counts.flatMap((count, i): [string, number][] => {
      const more = count - (before[i] ?? 0);
      return more > 0 ? [[String(boundsMs[i] ?? Infinity), more]] : [];
    });
    return grown.length === 0 ? undefined : Object.fromEntries(grown);
  }
}
