import { createBackoff, sleep } from './backoff.ts';

export interface RetryOptions {
  /** Ends the attempts: none starts after it aborts, and a pause ends at once. */
  readonly signal: AbortSignal;
  /** Bounds of the pause between two attempts, which grows with each failure; see createBackoff. */
  readonly minMs: number;
  readonly maxMs: number;
  /** True for an error after which another attempt may succeed. Other errors are thrown. Default: always true. */
  readonly isRetried?: (error: unknown) => boolean;
  /** Called before the pause that follows a failure. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Calls `attempt` until it succeeds, and returns its value. After the signal has aborted it resolves with undefined, even when
 * the running attempt fails: closing a part makes its attempts fail.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T | undefined> {
  const { signal, isRetried = () => true, onFailure } = options;
  const backoff = createBackoff(options);
  while (!signal.aborted) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) break;
      if (!isRetried(error)) throw error;
      onFailure?.(error);
      await sleep(backoff.next(), signal);
    }
  }
  return undefined;
}
