/** Pieces below this size are joined. */
export const SMALL_BYTES = 1024;

const CAPACITY = 16 * 1024;

/** Joins small pieces of a body: as objects of their own they would cost a hundred times their bytes. */
export class SmallPieces {
  readonly #bytes = Buffer.allocUnsafeSlow(CAPACITY);
  #length = 0;
  /** Pieces since `take`. */
  count = 0;

  /** Returns false, and takes nothing, when there is no room. */
  add(piece: Buffer): boolean {
    if (this.#length + piece.length > CAPACITY) return false;
    // Pieces of one byte matter most, and `set` costs more than an assignment.
    if (piece.length === 1) this.#bytes[this.#length] = piece[0] ?? 0;
    else this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
    this.count += 1;
    return true;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  take(): Buffer {
    const joined = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.count = 0;
    return joined;
  }
}
