import { setMaxListeners } from 'node:events';
import type { Redis } from 'ioredis';

type Listener = (client: Redis) => void;

/** Holds the current client, if there is one, and the callers that wait for the next. */
export class CurrentClient {
  readonly #listeners: Listener[] = [];
  #waiters: ((client: Redis | undefined) => void)[] = [];
  #client: Redis | undefined;
  #ended = false;

  get client(): Redis | undefined {
    return this.#client;
  }

  set(client: Redis | undefined): void {
    if (this.#ended || this.#client === client) return;
    this.#client = client;
    if (client === undefined) return;
    for (const listener of this.#listeners) listener(client);
    this.#wake(client);
  }

  /** There will be no further client. */
  end(): void {
    this.#client = undefined;
    this.#ended = true;
    this.#wake(undefined);
  }

  /** Resolves with the client as soon as there is one; undefined when there will be none or the signal aborts. */
  async ready(signal?: AbortSignal): Promise<Redis | undefined> {
    // Checked first: a loop that retries until its signal aborts must end.
    if (this.#ended || signal?.aborted) return undefined;
    if (this.#client) return this.#client;
    return new Promise((resolve) => {
      const done = (client: Redis | undefined) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(client);
      };
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== done);
        done(undefined);
      };
      if (signal) {
        // Many callers may share one signal: more than ten listeners are no leak.
        setMaxListeners(0, signal);
        signal.addEventListener('abort', onAbort, { once: true });
      }
      this.#waiters.push(done);
    });
  }

  /** Like `ready()`, for at most so long. (AbortSignal.any() would not do: in Node 20 its signals may be collected unfired.) */
  async readyWithin(ms: number): Promise<Redis | undefined> {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), ms);
    try {
      return await this.ready(giveUp.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Called with every new client before `ready()` hands it out. */
  onReady(listener: Listener): void {
    this.#listeners.push(listener);
    if (this.#client) listener(this.#client);
  }

  #wake(client: Redis | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(client);
  }
}
