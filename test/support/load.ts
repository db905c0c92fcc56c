import type { Outcome } from './ask.ts';

export interface Load {
  /** Outcomes so far, by number of request. */
  readonly outcomes: Map<number, Outcome>;
  /** No new requests; resolves with all outcomes when the last one is there. */
  stop(): Promise<Outcome[]>;
}

/** Keeps `concurrency` requests under way until it is stopped; `askOne` gets the number of the request. */
export function startLoad(concurrency: number, askOne: (n: number) => Promise<Outcome>): Load {
  const outcomes = new Map<number, Outcome>();
  let stopped = false;
  let next = 0;
  const keepAsking = async () => {
    while (!stopped) {
      const n = next++;
      outcomes.set(n, await askOne(n));
    }
  };
  const all = Array.from({ length: concurrency }, keepAsking);
  return {
    outcomes,
    stop: async () => {
      stopped = true;
      await Promise.all(all);
      return [...outcomes.values()];
    },
  };
}

/** How many outcomes of each kind: "answered 200", "broken 0", and so on. */
export function tally(outcomes: Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome, status, headers } of outcomes) {
    const error = headers['router-error'];
    const kind = [outcome, status, error].filter((part) => part !== undefined).join(' ');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
