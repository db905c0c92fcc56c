import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../config/steps.ts';

/** A request waits this long at most, a few times until it is answered. */
const SLICE_MS = 5;

/**
 * Does work that yields, in slices of a few milliseconds between which the process does other work. Rejects with the reason of
 * `signal` when it aborts: the work ends where it stands.
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
