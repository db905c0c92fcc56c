import { isServerError } from '../connection/connection.ts';
import type { Logger } from '../../runtime/logger.ts';

/** Pauses before a faulty group is looked at again, ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Replies that may go wrong between two sweeps that find nothing else. */
const MOST_STRIKES = 10;

/** Sweeps in a row that may hold Redis up for so long, ms. */
const SLOW_MS = 250;
const MOST_SLOW = 3;

const LOG_EVERY_MS = 60_000;

/** What a script says of a group in which it finds what none of ours has put there; not that Redis is full or starting. */
const POISON = /^(FAULTY|WRONGTYPE)\b|^ERR .*(user_script|running script)|cannot be read$/;

/**
 * Whether a hub serves a group. What its agents may write to can become anything; beyond what a hub can bear for one group it
 * is left alone, and looked at again less and less often.
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

  /** Why it is not served; undefined when it is. */
  get fault(): string | undefined {
    return this.#why;
  }

  /** Until it is to be looked at again, ms. */
  get pauseMs(): number {
    return Math.max(0, this.#lookAt - performance.now());
  }

  /** A reply had to be given up. A few may happen, and soon no agent can make many. */
  strike(why: string): void {
    this.#strikes += 1;
    if (this.#strikes > MOST_STRIKES) this.#find(`replies that cannot be read: ${why}`);
  }

  /** A script has failed: says whether the group is the reason. */
  failed(error: unknown): void {
    if (isServerError(error) && POISON.test(error.message)) this.#find(error.message.replace(/^FAULTY /, ''));
  }

  /** A sweep has found nothing; `tookMs`: it held Redis up for so long. */
  swept(tookMs: number): void {
    this.#strikes = Math.max(0, this.#strikes - 1);
    this.#slow = tookMs > SLOW_MS ? this.#slow + 1 : 0;
    if (this.#slow >= MOST_SLOW) return this.#find(`its sweeps take Redis ${Math.round(tookMs)} ms`);
    if (this.#why !== undefined) this.#log.info({ group: this.#group }, 'the group is served again');
    this.#why = undefined;
  }

  #find(why: string): void {
    const now = performance.now();
    // What was found again soon after is looked at later and later.
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
      'the group is faulty and not served: correct or repair what its keys hold; said once a minute',
    );
  }
}
