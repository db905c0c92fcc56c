/** Between two of them, ms: the processor has about as much time for everybody else. */
const PAUSE_MS = 10;

interface Waiting {
  hold(why: 'turn'): void;
  release(why: 'turn'): void;
}

/**
 * Connections whose bytes cost much to read (a body in chunks of one byte: 10,000 calls of the parser in one read of 64 KiB, some
 * 10 ms) are read one after the other and with a pause between, so that no other client waits for more than one of them.
 */
export class Turns {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** The connection has been read; it is read again when its turn comes. */
  wait(connection: Waiting): void {
    connection.hold('turn');
    this.#waiting.add(connection);
    this.#timer ??= setTimeout(() => this.#next(), PAUSE_MS);
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first) {
      this.#waiting.delete(first);
      first.release('turn');
    }
    this.#timer = this.#waiting.size > 0 ? setTimeout(() => this.#next(), PAUSE_MS) : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
