import { ROOM_BYTES, WINDOW_BYTES } from '../../exchange/frame-stream.ts';

export interface LinkReaderOptions {
  /** Bytes that have come before. */
  readonly received?: number;
  /** The sender may send up to here without being told. */
  readonly upTo: number;
  readonly onCredit: (upTo: number) => void;
}

/** The books of one incoming body: how much has come, how much was consumed, and what the sender was told. */
export class LinkReader {
  /** Bytes that have come. */
  received: number;
  #consumed: number;
  #upTo: number;
  readonly #onCredit: (upTo: number) => void;

  constructor({ received = 0, upTo, onCredit }: LinkReaderOptions) {
    this.received = received;
    this.#consumed = received;
    this.#upTo = upTo;
    this.#onCredit = onCredit;
  }

  /** The count of bytes up to which the sender may send. */
  get upTo(): number {
    return this.#upTo;
  }

  /** Returns false for a sender that does not keep to its window. */
  accept(bytes: number): boolean {
    this.received += bytes;
    return this.received <= this.#upTo + (ROOM_BYTES - WINDOW_BYTES);
  }

  /** Opens the window, before anything has come. */
  open(bytes: number): void {
    this.#grant(this.#consumed + bytes);
  }

  /** So many bytes more were consumed: tells the sender in steps of a quarter window. */
  consume(bytes: number): void {
    this.#consumed += bytes;
    const upTo = this.#consumed + WINDOW_BYTES;
    if (upTo - this.#upTo >= WINDOW_BYTES / 4) this.#grant(upTo);
  }

  #grant(upTo: number): void {
    if (upTo <= this.#upTo) return;
    this.#upTo = upTo;
    this.#onCredit(upTo);
  }
}
