/** Work that may be interrupted wherever it yields: every few microseconds, or every few hundred rounds of a loop of nothing much. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** All of it, without letting anything else run. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Whether a loop of very small rounds should yield in this one. */
export const isPause = (round: number): boolean => (round & 255) === 0;
