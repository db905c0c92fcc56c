import type { RequestCounts } from './request-counts.ts';

/** The window is that of the latencies, so that both are about the same requests. */
const WINDOW_MS = 20_000;

/** Counts of the requests that had their outcome lately, and of those with a status of 500 or more. */
export interface RecentOutcomes {
  readonly ended: number;
  readonly failed: number;
}

interface Look {
  readonly atMs: number;
  readonly groups: ReadonlyMap<string, RecentOutcomes>;
}

const NONE: RecentOutcomes = { ended: 0, failed: 0 };

/** Growth of the counts of each group within some twenty seconds. It costs something only when asked. */
export class RecentFailures {
  #looks: Look[] = [{ atMs: performance.now(), groups: new Map() }];

  /** Groups without an outcome lately are left out. Ask every few seconds: the window begins at one of the calls before. */
  growth(counts: Pick<RequestCounts, 'routes'>, nowMs = performance.now()): Map<string, RecentOutcomes> {
    const groups = outcomesOf(counts);
    this.#looks.push({ atMs: nowMs, groups });
    while (this.#looks[1] && nowMs - this.#looks[1].atMs >= WINDOW_MS) this.#looks.shift();
    const before = this.#looks[0]?.groups;
    const grown = new Map<string, RecentOutcomes>();
    for (const [group, { ended, failed }] of groups) {
      const old = before?.get(group) ?? NONE;
      // The counts of a group whose routes were removed begin anew.
      const since = old.ended > ended ? NONE : old;
      if (ended > since.ended) {
        grown.set(group, { ended: ended - since.ended, failed: Math.max(0, failed - since.failed) });
      }
    }
    return grown;
  }
}

function outcomesOf({ routes }: Pick<RequestCounts, 'routes'>): Map<string, RecentOutcomes> {
  const groups = new Map<string, RecentOutcomes>();
  for (const { group, codes } of routes) {
    let { ended, failed } = groups.get(group.name) ?? NONE;
    for (const [status, { count }] of codes) {
      ended += count;
      if (status >= 500) failed += count;
    }
    groups.set(group.name, { ended, failed });
  }
  return groups;
}
