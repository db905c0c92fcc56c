/** The most bytes of one channel within a second. A hub at full load gets a tenth of this over all its channels. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_MESSAGES = 50_000;

/** Our own processes never send a message that cannot be parsed. */
const WEIGHT_OF_BAD = 1_000;

/** Measures the rate of messages, without reading the clock for each. */
export class FloodMeter {
  #bytes = 0;
  #messages = 0;
  #since = performance.now();

  /**
   * Counts a message; `isBad` when it could not be parsed. True when the limit of a second was reached before the second was
   * over.
   */
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
