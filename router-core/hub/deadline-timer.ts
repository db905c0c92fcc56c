import { runFor, type FaultOwner } from './contain-fault.ts';

/**
 * One timer for all phases of a request. Pushing the expiry out costs a subtraction, not a timer: when the timer fires
 * early, it sleeps for the rest.
 */
export class DeadlineTimer {
  #timer: NodeJS.Timeout | undefined;
  #firesAt = 0;
  #expiresAt = Infinity;
  #onExpire: () => unknown = () => undefined;
  readonly #owner: FaultOwner;
  readonly #mostSleepMs: number;

  /** `mostSleepMs` is the shortest phase that usually follows a longer one. That phase then needs no timer of its own. */
  constructor(owner: FaultOwner, mostSleepMs = Infinity) {
    this.#owner = owner;
    this.#mostSleepMs = mostSleepMs;
  }

  /** Calls `onExpire` in `ms` (0 = never) unless set again before. */
  set(ms: number, onExpire: () => unknown): void {
    this.#onExpire = onExpire;
    this.push(ms);
  }

  /** Starts the same wait anew. */
  push(ms: number): void {
    if (ms <= 0) {
      this.#expiresAt = Infinity;
      return;
    }
    this.#expiresAt = performance.now() + ms;
    if (this.#timer && this.#firesAt <= this.#expiresAt) return;
    clearTimeout(this.#timer);
    this.#sleep(ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#expiresAt = Infinity;
  }

  #sleep(restMs: number): void {
    const ms = Math.min(restMs, this.#mostSleepMs);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const rest = this.#expiresAt - performance.now();
      if (rest <= 1) runFor(this.#owner, this.#onExpire);
      else if (rest !== Infinity) this.#sleep(rest);
    }, ms);
  }
}
