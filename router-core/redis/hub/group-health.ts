import { isServerError } from '../connection/connection.ts';
import type { Logger } from '../../runtime/logger.ts';

/** Pauses before a faulty group is tried again, ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Replies that may fail between two sweeps without a finding. */
const MOST_STRIKES = 10;

/** Sweeps in a row that may hold Redis up for this long, ms. */
const SLOW_MS = 250;
const MOST_SLOW = 3;

const LOG_EVERY_MS = 60_000;

/** Errors of scripts that find data which our own processes do not write. Not among them: Redis is full or loading. */
const POISON = /^(FAULTY|WRONGTYPE)\b|^ERR .*(user_script|running script)|cannot be read$/;

/**
 * Decides if a hub serves a group. Agents can write anything into their group's keys; a group that is too much for a hub is
 * left alone, and tried again after longer and longer pauses.
 */
export class GroupHealth {
  readonly #group: string;
  readonly #log: Logger;
  #why: string | undefined;
  #lookAt = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #foundAt = -Infinity;
  #loggedAt = -Infinity;
  #strikes = 0;
  #slow = 0;

  constructor(group: string, log: Logger) {
    this.#group = group;
    this.#log = log;
  }

  /** The reason why the group is not served; undefined when it is. */
  get fault(): string | undefined {
    return this.#why;
  }

  /** Time until the group is tried again, ms. */
  get pauseMs(): number {
    return Math.max(0, this.#lookAt - performance.now());
  }

  /** A reply had to be abandoned. A few are tolerated, because the fault is soon found and no agent can make many. */
  strike(why: string): void {
    this.#strikes += 1;
    if (this.#strikes > MOST_STRIKES) this.#find(`replies that cannot be read: ${why}`);
  }

  /** A script has failed: decides if the group is the reason. */
  failed(error: unknown): void {
    if (isServerError(error) && POISON.test(error.message)) this.#find(error.message.replace(/^FAULTY /, ''));
  }

  /** A sweep has found nothing; `tookMs`: how long it held Redis up. */
  swept(tookMs: number): void {
    this.#strikes = Math.max(0, this.#strikes - 1);
    this.#slow = tookMs > SLOW_MS ? this.#slow + 1 : 0;
    if (this.#slow >= MOST_SLOW) return this.#find(`its sweeps take Redis ${Math.round(tookMs)} ms`);
    if (this.#why !== undefined) this.#log.info({ group: this.#group }, 'the group is served again');
    this.#why = undefined;
  }

  #find(why: string): void {
    const now = performance.now();
    // A group that becomes faulty again soon is paused for longer.
    const isNew = now - this.#foundAt > LONGEST_PAUSE_MS + this.#pauseMs;
    if (this.#why !== undefined && now < this.#lookAt) return;
    this.#pauseMs = isNew ? FIRST_PAUSE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#why = why.slice(0, 300);
    this.#foundAt = now;
    this.#lookAt = now + this.#pauseMs;
    this.#strikes = 0;
    this.#slow = 0;
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.#log.error(
      { group: this.#group, why: this.#why },
      'the group is faulty and not served: repair its keys; logged once a minute',
    );
  }
}
