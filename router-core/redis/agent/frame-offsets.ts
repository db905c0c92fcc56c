/** Which frames of an incoming body were consumed: the others are still needed, should somebody else have to read them. */
export class FrameOffsets {
  /** Frames that were not wholly consumed, and where the body of each ends. */
  #frames: { seq: number; end: number }[] = [];
  #came: number;
  #consumed: number;
  #lastSeq = 0;

  /** Bytes that have come, and that were consumed of them, before the first frame. */
  constructor({ came, consumed }: { came: number; consumed: number }) {
    this.#came = came;
    this.#consumed = consumed;
  }

  came(seq: number, bytes: number): void {
    this.#came += bytes;
    this.#frames.push({ seq, end: this.#came });
  }

  /** So many bytes more were consumed. Returns the last frame that nobody needs any more; 0: none. */
  consume(bytes: number): number {
    this.#consumed += bytes;
    let count = 0;
    for (const { seq, end } of this.#frames) {
      if (end > this.#consumed) break;
      this.#lastSeq = seq;
      count += 1;
    }
    if (count > 0) this.#frames.splice(0, count);
    return this.#lastSeq;
  }
}
