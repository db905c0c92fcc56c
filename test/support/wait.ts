import { sleep } from '../../router-core/runtime/backoff.ts';

interface WaitOptions {
  timeoutMs?: number;
  /** The condition, for the message of a failure: "the hub to be ready". */
  what: string;
}

type NotYet = undefined | null | false;

/**
 * Asks `condition` again and again until its answer is truthy, and returns that answer. A condition that throws is
 * not met yet; its last error is the cause of the failure.
 */
export async function waitFor<T>(
  condition: () => T | NotYet | Promise<T | NotYet>,
  { timeoutMs = 10_000, what }: WaitOptions,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await condition();
      if (answer) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause });
    await sleep(10);
  }
}
