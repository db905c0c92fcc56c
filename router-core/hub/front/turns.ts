/** The pause between two turns is at least this long. */
const PAUSE_MS = 5;
const LONGEST_REST_MS = 250;

interface Waiting {
  hold(why: 'turn'): void;
  release(why: 'turn'): void;
}

/**
 * Connections whose bytes cost much to read (a body in chunks of one byte: 700 calls of the parser in a slice of 4 KiB, some 1 ms)
 * are read slice by slice, one after the other and with a pause between, so that no other client waits for more than one of them.
 */
export class Turns {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #hasRested = false;

  /** The connection has been read; it is read again when its turn comes. */
  wait(connection: Waiting): void {
    connection.hold('turn');
    this.#waiting.add(connection);
    if (!this.#timer) this.#sleep(PAUSE_MS);
  }

  #sleep(ms: number): void {
    this.#dueAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#due(), ms);
  }

  #due(): void {
    // The timer is as late as the last read took: others get three times that.
    const lateMs = performance.now() - this.#dueAt;
    this.#hasRested = !this.#hasRested && lateMs > 2;
    if (this.#hasRested) return this.#sleep(Math.min(3 * lateMs, LONGEST_REST_MS));
    const [first] = this.#waiting;
    if (first) {
      this.#waiting.delete(first);
      first.release('turn');
    }
    this.#timer = undefined;
    if (this.#waiting.size > 0) this.#sleep(PAUSE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
