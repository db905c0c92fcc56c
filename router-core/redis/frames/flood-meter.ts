/** What one channel may bring within a second. A hub that is as busy as it can be gets a tenth of it over all its channels. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_MESSAGES = 50_000;

/** Nobody who sends what we send sends one that cannot be read. */
const WEIGHT_OF_BAD = 1_000;

/** Watches how much comes, without looking at the clock for each message. */
export class FloodMeter {
  #bytes = 0;
  #messages = 0;
  #since = performance.now();

  /** Counts a message, `isBad` when it could not be read; true when a second was not over before the most that may come in one was there. */
  isFlooded(bytes: number, { isBad }: { isBad: boolean }): boolean {
    this.#bytes += bytes;
    this.#messages += isBad ? WEIGHT_OF_BAD : 1;
    if (this.#bytes < MOST_BYTES && this.#messages < MOST_MESSAGES) return false;
    const now = performance.now();
    const isFlooded = now - this.#since < 1_000;
    this.#bytes = 0;
    this.#messages = 0;
    this.#since = now;
    return isFlooded;
  }
}
