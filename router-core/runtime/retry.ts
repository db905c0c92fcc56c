import { createBackoff, sleep } from './backoff.ts';

export interface RetryOptions {
  /** Ends the tries: no further one starts, and a pause ends at once. */
  readonly signal: AbortSignal;
  /** Bounds of the pause between two tries, which grows with each failure; see createBackoff. */
  readonly minMs: number;
  readonly maxMs: number;
  /** True for a failure after which another try may succeed; any other is thrown. Default: every failure. */
  readonly isRetried?: (error: unknown) => boolean;
  /** Called before the pause that follows a failure. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Calls `attempt` until it resolves, and resolves with what it resolved with. Once the signal aborts it resolves with undefined
 * instead, also when the running try then fails: who stops a loop closes what its try was using.
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
