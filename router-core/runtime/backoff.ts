import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number;
  /** To be called when a try succeeded: the following failure starts from `minMs` again. */
  reset(): void;
}

/**
 * Exponential back-off with full jitter: the n-th wait is drawn evenly from `minMs` up to a ceiling that doubles
 * until it is `maxMs`. Jitter matters more than the exponent here: when Redis comes back, every hub and agent
 * notices within the same second, and without it they would all knock in step.
 */
export function createBackoff({ minMs, maxMs }: { minMs: number; maxMs: number }): Backoff {
  let ceilingMs = minMs;
  return {
    next() {
      ceilingMs = Math.min(maxMs, ceilingMs * 2);
      return minMs + Math.random() * Math.max(0, ceilingMs - minMs);
    },
    reset() {
      ceilingMs = minMs;
    },
  };
}

/** Waits `ms`, or until `signal` aborts. Never rejects: a loop looks at its signal, not at an exception. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    // Only an abort can reject, and the caller holds the signal.
  }
}
