import { bytesOf } from '../../exchange/frames.ts';

/** The bytes of a body that were sent and may have to be sent again, by their offset from its beginning. */
export class SentTail {
  #pieces: Buffer[] = [];
  /** Offset of the first byte that is kept. */
  #start: number;

  constructor(start = 0) {
    this.#start = start;
  }

  add(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#pieces.push(piece);
  }

  /** The other end will never ask for what is before this offset. */
  drop(offset: number): void {
    let count = 0;
    for (const { length } of this.#pieces) {
      if (this.#start + length > offset) break;
      this.#start += length;
      count += 1;
    }
    if (count > 0) this.#pieces.splice(0, count);
  }

  /**
   * Takes out the bytes from this offset on: they are sent again. What is before stays, because the end that has it may be lost
   * as well, before the client has it. Undefined when the offset is not within what is kept.
   */
  takeFrom(offset: number): Buffer[] | undefined {
    let left = offset - this.#start;
    if (left < 0 || left > bytesOf(this.#pieces)) return undefined;
    const kept: Buffer[] = [];
    const taken: Buffer[] = [];
    for (const piece of this.#pieces) {
      if (left > 0) kept.push(piece.subarray(0, left));
      if (left < piece.length) taken.push(piece.subarray(left));
      left = Math.max(0, left - piece.length);
    }
    this.#pieces = kept;
    return taken;
  }
}
