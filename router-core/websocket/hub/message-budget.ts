/**
 * More messages than an agent with all its slots in use sends: the limit ends links that only keep their hub busy. A hub that stood
 * still may find many of them in its sockets at once.
 */
const PER_S = 20_000;
const MOST_AT_ONCE = 200_000;

/** An offer is checked, shared out, and told to the store. */
export const OFFER_COST = 20;

/** A token bucket for what comes on one link. */
export class MessageBudget {
  #left = MOST_AT_ONCE;
  #at = performance.now();

  /** Returns false when too much has come. */
  take(cost = 1): boolean {
    this.#left -= cost;
    if (this.#left >= 0) return true;
    const now = performance.now();
    this.#left = Math.min(MOST_AT_ONCE, this.#left + (PER_S / 1_000) * (now - this.#at));
    this.#at = now;
    return this.#left >= 0;
  }
}
