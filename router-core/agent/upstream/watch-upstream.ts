import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Upstream } from './upstream.ts';

export interface UpstreamWatchOptions {
  readonly upstream: Upstream;
  /** Whether to ask all the time (a health path is set), or only until it can be called, and after a call could not reach it. */
  readonly always: boolean;
  readonly onChange: (up: boolean) => void;
  readonly log: Logger;
}

export interface UpstreamWatch {
  /** False until the first check has succeeded. */
  readonly up: boolean;
  /** Why it is down, for people. */
  readonly reason: string | undefined;
  /** Resolves when the upstream was looked at for the first time. */
  readonly checked: Promise<void>;
  /** A call could not reach the upstream: nothing is pulled until it can be reached again. */
  markDown(reason: string): void;
  close(): void;
}

const CHECK_EVERY_MS = 5_000;
const NEVER_MS = 2 ** 31 - 1;

/**
 * An upstream may pass its check and refuse calls all the same (a TLS handshake that hangs, a full backlog). Each try costs
 * the requests that were pulled an attempt, so tries are further and further apart until it has been up for so long.
 */
const STEADY_MS = 30_000;

/** Keeps the agent from pulling what it could not run. */
export function watchUpstream({ upstream, always, onChange, log }: UpstreamWatchOptions): UpstreamWatch {
  const closing = new AbortController();
  const backoff = createBackoff({ minMs: 200, maxMs: 5_000 });
  let up = false;
  let reason: string | undefined;
  let upSince = -Infinity;
  let timesDown = 0;
  let wake = new AbortController();

  const setUp = () => {
    if (up) return;
    up = true;
    reason = undefined;
    upSince = performance.now();
    log.info({ upstream: upstream.url }, 'upstream is up, pulling');
    onChange(true);
  };
  const setDown = (why: string) => {
    if (!up && why === reason) return;
    reason = why;
    log.warn({ upstream: upstream.url, reason }, 'upstream is down, not pulling until it is back');
    if (up) {
      up = false;
      timesDown += 1;
      if (performance.now() - upSince > STEADY_MS) backoff.reset();
    }
    onChange(false);
  };
  const markDown = (why: string) => {
    // Calls that fail after the first one tell nothing new.
    if (!up) return;
    setDown(why);
    wake.abort();
  };
  const check = async () => {
    const before = timesDown;
    const problem = await upstream.check();
    // A call that was refused meanwhile knows better.
    if (closing.signal.aborted || timesDown !== before) return;
    if (problem === undefined) setUp();
    else setDown(problem);
  };
  const run = async (checkedFirst: () => void) => {
    const { signal } = closing;
    while (!signal.aborted) {
      if (always || !up) await check();
      checkedFirst();
      if (signal.aborted) return;
      wake = new AbortController();
      const checkMs = always ? CHECK_EVERY_MS : NEVER_MS;
      await sleep(up ? checkMs : backoff.next(), wake.signal);
      if (wake.signal.aborted) await sleep(backoff.next(), signal);
    }
  };
  const checked = new Promise<void>((resolve) => void run(resolve));
  return {
    get up() {
      return up;
    },
    get reason() {
      return reason;
    },
    checked,
    markDown,
    close: () => {
      closing.abort();
      wake.abort();
    },
  };
}
