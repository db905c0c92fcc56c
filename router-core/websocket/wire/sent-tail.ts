import { bytesOf } from '../../exchange/frames.ts';

/** The bytes of a body that were sent and may have to be sent again, by their offset from its beginning. */
export class SentTail {
  #pieces: Buffer[] = [];
  /** Offset of the first byte that is kept. */
  #start = 0;

  add(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#pieces.push(piece);
  }

  /** What is before this offset has arrived. */
  drop(offset: number): void {
    let count = 0;
    for (const { length } of this.#pieces) {
      if (this.#start + length > offset) break;
      this.#start += length;
      count += 1;
    }
    if (count > 0) this.#pieces.splice(0, count);
  }

  /** Copies of nothing: the pieces from this offset on. Undefined when it is not within what is kept. */
  from(offset: number): Buffer[] | undefined {
    const skip = offset - this.#start;
    if (skip < 0 || skip > bytesOf(this.#pieces)) return undefined;
    let left = skip;
    const pieces: Buffer[] = [];
    for (const piece of this.#pieces) {
      if (left < piece.length) pieces.push(piece.subarray(left));
      left = Math.max(0, left - piece.length);
    }
    return pieces;
  }

  /** Keeps nothing of what was before; the next byte has this offset. */
  restart(offset: number): void {
    this.#pieces = [];
    this.#start = offset;
  }
}
