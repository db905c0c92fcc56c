export interface PieceSink {
  onBody(bytes: Buffer): void;
}

/** Pieces of at least this size are passed on as they are: copying them costs more than another object. */
const LARGE_BYTES = 4 * 1024;

/**
 * Joins the small pieces of one read, so that not each of them becomes an object: a body in chunks of one byte would take a
 * hundred times its size. A single piece is not copied.
 */
export class PieceJoiner {
  readonly #joined = Buffer.allocUnsafeSlow(64 * 1024);
  #sink: PieceSink = { onBody: () => undefined };
  #bytes: Buffer = this.#joined;
  #filled = 0;
  /** Start of the piece of `#bytes` that is not joined yet. */
  #from = 0;
  #to = 0;

  /** `bytes`: holds the pieces until `finish`. */
  start(bytes: Buffer, sink: PieceSink): void {
    this.#bytes = bytes;
    this.#sink = sink;
  }

  add(from: number, to: number): void {
    this.#takeAlone();
    if (to - from < LARGE_BYTES) {
      this.#from = from;
      this.#to = to;
      return;
    }
    this.#flush();
    this.#sink.onBody(this.#bytes.subarray(from, to));
  }

  finish(): void {
    if (this.#filled > 0) this.#takeAlone();
    const [from, to] = [this.#from, this.#to];
    this.#from = this.#to = 0;
    this.#flush();
    if (to > from) this.#sink.onBody(this.#bytes.subarray(from, to));
  }

  #takeAlone(): void {
    const [from, to] = [this.#from, this.#to];
    if (to === from) return;
    this.#from = this.#to = 0;
    if (this.#filled + to - from > this.#joined.length) this.#flush();
    // A call of copy() costs more than a few bytes do.
    if (to - from > 16) this.#bytes.copy(this.#joined, this.#filled, from, to);
    else for (let i = from, at = this.#filled; i < to; i++, at++) this.#joined[at] = this.#bytes[i] as number;
    this.#filled += to - from;
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const filled = this.#filled;
    this.#filled = 0;
    this.#sink.onBody(this.#joined.subarray(0, filled));
  }
}
