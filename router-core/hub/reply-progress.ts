/** Counts how much of a reply has come. */
export class ReplyProgress {
  #bytes = 0;
  #left = 0;
  #isComplete = false;
  #interims = 0;

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The client has all that the head of the reply announced; only the agent has not yet said that it ends. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** True when all bytes that the head has announced have come. */
  get isAtLength(): boolean {
    return this.#left === 0;
  }

  /** True while an end would come too early. */
  get isShort(): boolean {
    return this.#left > 0 && this.#left < Infinity;
  }

  /** Counts one more interim head. Returns their number. */
  interimCame(): number {
    this.#interims += 1;
    return this.#interims;
  }

  /** `announced` is the length of the body in bytes, when the head has one. */
  begin(announced: number | undefined): void {
    this.#left = announced ?? Infinity;
  }

  /** True when the head has announced so many bytes more. */
  hasRoomFor(bytes: number): boolean {
    return bytes <= this.#left;
  }

  came(bytes: number): void {
    this.#left -= bytes;
    this.#bytes += bytes;
  }

  /** The hub sends the reply in one piece. */
  isWhole(bytes: number): void {
    this.#bytes = bytes;
  }

  complete(): void {
    this.#isComplete = true;
  }
}
