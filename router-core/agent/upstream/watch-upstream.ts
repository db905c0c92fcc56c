import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Upstream } from './upstream.ts';

export interface UpstreamWatchOptions {
  readonly upstream: Upstream;
  /**
   * True: check all the time (a health path is set). False: only until it can be called, and after a call could not reach it.
   */
  readonly always: boolean;
  readonly onChange: (up: boolean) => void;
  readonly log: Logger;
}

export interface UpstreamWatch {
  /** False until the first check has succeeded. */
  readonly up: boolean;
  /** The reason why it is down, for people. */
  readonly reason: string | undefined;
  /** Resolves after the first check. */
  readonly checked: Promise<void>;
  /** A call could not reach the upstream: nothing is pulled until it can be reached again. */
  markDown(reason: string): void;
  close(): void;
}

const CHECK_EVERY_MS = 5_000;
const NEVER_MS = 2 ** 31 - 1;

/**
 * An upstream may pass its check and refuse calls all the same (a TLS handshake that hangs, a full backlog). Each failure
 * costs the pulled requests an attempt, so the pauses between checks grow until it was up for this long.
 */
const STEADY_MS = 30_000;

/** Stops pulling while the upstream cannot be called. */
export function watchUpstream(options: UpstreamWatchOptions): UpstreamWatch {
  return new Watch(options);
}

class Watch implements UpstreamWatch {
  readonly #options: UpstreamWatchOptions;
  readonly #closing = new AbortController();
  readonly #backoff = createBackoff({ minMs: 200, maxMs: 5_000 });
  readonly checked: Promise<void>;
  up = false;
  reason: string | undefined;
  #upSince = -Infinity;
  #timesDown = 0;
  #wake = new AbortController();

  constructor(options: UpstreamWatchOptions) {
    this.#options = options;
    this.checked = new Promise((resolve) => void this.#run(resolve));
  }

  markDown(reason: string): void {
    // Further failures add nothing to the first one.
    if (!this.up) return;
    this.#setDown(reason);
    this.#wake.abort();
  }

  close(): void {
    this.#closing.abort();
    this.#wake.abort();
  }

  async #run(checkedFirst: () => void): Promise<void> {
    const { signal } = this.#closing;
    const checkMs = this.#options.always ? CHECK_EVERY_MS : NEVER_MS;
    while (!signal.aborted) {
      if (this.#options.always || !this.up) await this.#check();
      checkedFirst();
      if (signal.aborted) return;
      this.#wake = new AbortController();
      await sleep(this.up ? checkMs : this.#backoff.next(), this.#wake.signal);
      if (this.#wake.signal.aborted) await sleep(this.#backoff.next(), signal);
    }
  }

  async #check(): Promise<void> {
    const before = this.#timesDown;
    const problem = await this.#options.upstream.check();
    // A call that was refused during the check is the newer information.
    if (this.#closing.signal.aborted || this.#timesDown !== before) return;
    if (problem === undefined) this.#setUp();
    else this.#setDown(problem);
  }

  #setUp(): void {
    if (this.up) return;
    const { upstream, log, onChange } = this.#options;
    this.up = true;
    this.reason = undefined;
    this.#upSince = performance.now();
    log.info({ upstream: upstream.url }, 'upstream is up, pulling');
    onChange(true);
  }

  #setDown(reason: string): void {
    if (!this.up && reason === this.reason) return;
    const { upstream, log, onChange } = this.#options;
    this.reason = reason;
    log.warn({ upstream: upstream.url, reason }, 'upstream is down, not pulling until it is back');
    if (this.up) {
      this.up = false;
      this.#timesDown += 1;
      if (performance.now() - this.#upSince > STEADY_MS) this.#backoff.reset();
    }
    onChange(false);
  }
}
