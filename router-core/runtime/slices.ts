import { setImmediate } from 'node:timers/promises';

/** Work that may be interrupted wherever it yields: every few microseconds, or every few hundred rounds of a loop of nothing much. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** A request waits for so long at most, a few times until it has its answer. */
const SLICE_MS = 5;

/** All of it, without letting anything else run. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/**
 * The same in slices of a few milliseconds, between which the process does what else there is to do. Rejects with the reason of
 * `signal` when that aborts: the work ends where it stands.
 */
export async function inSlices<T>(work: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const endsAt = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < endsAt);
    await setImmediate();
  }
}

/** Whether a loop of very small rounds should yield in this one. */
export const isPause = (round: number): boolean => (round & 255) === 0;
