import type { IncomingMessage } from 'node:http';

/** A join so long after the last word of an agent that has nothing here is that of another process, ms. */
const GONE_MS = 5_000;

/** Fields of proxies: behind one of them, several processes may look like one, and one like several. */
const PROXIED = ['x-forwarded-for', 'forwarded', 'via'];

/**
 * Decides if one worker alone uses an id. Workers of one process share theirs when it has several upstreams, so a second accept
 * may come from another worker. Only when exactly one has joined here, and never two were here at the same time, an accept
 * says that its worker has given up what it had.
 */
export class WorkerCount {
  #joined = 0;
  #isShared = false;

  /** `idleMs`: since when nothing was heard of the id; undefined while something of it is here. */
  joined(idleMs: number | undefined): void {
    if (idleMs !== undefined && idleMs > GONE_MS) {
      this.#joined = 0;
      this.#isShared = false;
    }
    this.#joined += 1;
  }

  /** A reply came to a request that was given up: its worker was not the one that came back. */
  shared(): void {
    this.#isShared = true;
  }

  /** True for an accept whose worker has given up its request. `waiting` and `out`: accepts and requests of the id that are here. */
  isComeback({ headers }: IncomingMessage, { waiting, out }: { waiting: number; out: number }): boolean {
    if (waiting + out === 0) return false;
    const isProxied = PROXIED.some((name) => headers[name] !== undefined);
    if (waiting > 0 || out > 1 || this.#joined !== 1 || isProxied) this.#isShared = true;
    return !this.#isShared;
  }
}
