import type { Readable } from 'node:stream';

/** Counts how much of a request's body has come, and holds the rest. */
export class BodyProgress {
  #bytes = 0;
  #waitMs = 0;
  #rest: Readable | undefined;

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Time that this hub has waited for the body, ms; see watch-bodies.ts. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** The part that did not fit inline. It flows once the agent asks for it. */
  get rest(): Readable | undefined {
    return this.#rest;
  }

  came(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The bytes that have come so far come again. */
  putBack(): void {
    this.#bytes = 0;
  }

  waited(ms: number): void {
    this.#waitMs += ms;
  }

  followsFrom(rest: Readable): void {
    this.#rest = rest;
  }
}
