import type { Readable } from 'node:stream';

/** How much of a request's body has come, and what is done with the rest. */
export class BodyProgress {
  #bytes = 0;
  #waitMs = 0;
  #rest: Readable | undefined;
  #ask: (() => void) | undefined;

  /** `ask`: asks the client for its body (100 Continue), when it waits to be asked. */
  constructor(ask: (() => void) | undefined) {
    this.#ask = ask;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How long this hub has waited for them, ms; see watch-bodies.ts. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** The part that did not fit inline; flows once the agent asks for it. */
  get rest(): Readable | undefined {
    return this.#rest;
  }

  came(bytes: number): void {
    this.#bytes += bytes;
  }

  /** What has come so far comes again. */
  putBack(): void {
    this.#bytes = 0;
  }

  waited(ms: number): void {
    this.#waitMs += ms;
  }

  followsFrom(rest: Readable): void {
    this.#rest = rest;
  }

  /** Asks the client for its body, once, if it waits to be asked. */
  ask(): void {
    this.#ask?.();
    this.#ask = undefined;
  }
}
