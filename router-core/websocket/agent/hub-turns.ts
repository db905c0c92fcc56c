/** A hub that refuses with a time is not asked before it, but never left out for longer than this, ms. */
const MOST_RETRY_MS = 60_000;

/**
 * The hubs of --hub, one after the other, in their order. Each process begins with another one, so that agents with the same list
 * do not all end at its first hub.
 */
export class HubTurns {
  readonly #hubs: { readonly url: string; notBefore: number }[];
  #next: number;

  constructor(urls: readonly string[], random: () => number = Math.random) {
    this.#hubs = urls.map((url) => ({ url, notBefore: 0 }));
    this.#next = Math.floor(random() * urls.length);
  }

  get size(): number {
    return this.#hubs.length;
  }

  /** The hub whose turn it is, of those that may be asked now; else the one that may be asked first. */
  take(now: number): string {
    const inOrder = this.#hubs.map((_, i) => this.#hubs[(this.#next + i) % this.#hubs.length]);
    const may = inOrder.findIndex((hub) => hub !== undefined && hub.notBefore <= now);
    const soonest = Math.min(...this.#hubs.map(({ notBefore }) => notBefore));
    const at = may >= 0 ? may : inOrder.findIndex((hub) => hub?.notBefore === soonest);
    this.#next = (this.#next + at + 1) % this.#hubs.length;
    return inOrder[at]?.url ?? '';
  }

  /** Those of the list that come after this hub are asked before it. */
  putLast(url: string): void {
    const at = this.#hubs.findIndex((hub) => hub.url === url);
    this.#next = (at + 1) % this.#hubs.length;
  }

  /** This hub wants to be left alone for so long. */
  putOff(url: string, retryMs: number, now: number): void {
    const until = now + Math.min(MOST_RETRY_MS, retryMs);
    for (const hub of this.#hubs) if (hub.url === url) hub.notBefore = until;
  }

  /** ms until one of them may be asked. */
  untilNext(now: number): number {
    return Math.max(0, Math.min(...this.#hubs.map(({ notBefore }) => notBefore)) - now);
  }
}
