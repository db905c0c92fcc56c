/** Work that can pause at each yield: every few microseconds, or every few hundred rounds of a cheap loop. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Runs all of it without a pause. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** True in the rounds in which a loop of cheap rounds should yield. */
export const isPause = (round: number): boolean => (round & 255) === 0;
