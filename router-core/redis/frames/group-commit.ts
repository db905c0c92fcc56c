/** Limits of one script call. */
export const BATCH_LIMITS = { maxItems: 128, maxBytes: 1024 * 1024 } as const;

export interface GroupCommitOptions<T> {
  readonly maxItems: number;
  /** A batch ends with the item that reaches this many bytes. */
  readonly maxBytes: number;
  readonly bytesOf: (item: T) => number;
  /** Larger items let smaller ones pass when not all fit into one batch: their order does not matter. */
  readonly bulkBytes?: number;
  /** Running requests, each of which may add something. When omitted, they count as many. */
  readonly inFlight?: (() => number) | undefined;
  /** Sends the items of one batch in order, retries where needed, and never rejects. */
  readonly commit: (items: T[]) => Promise<void>;
}

/**
 * Group commit: everything added in two turns of the event loop goes out in one batch (at once while there is one request
 * only), and the next batch gathers while one is under way. One batch at a time keeps the order over cuts and retries, and
 * under load batches grow by themselves.
 */
export class GroupCommit<T> {
  readonly #options: GroupCommitOptions<T>;
  #items: T[] = [];
  #busy = false;
  /** The maximum since the last batch began: clients that take turns come again, even if only one is here now. */
  #mostInFlight = 0;

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    this.#items.push(item);
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#options.inFlight?.() ?? Infinity);
    if (this.#busy) return;
    this.#busy = true;
    const isAlone = this.#mostInFlight <= 1;
    this.#mostInFlight = 0;
    if (isAlone) return queueMicrotask(() => void this.#flush());
    // After the second turn the batch contains what the sockets had received by the end of the first: under load a third fewer
    // calls.
    setImmediate(() => setImmediate(() => void this.#flush()));
  }

  /** True while items wait or are under way. */
  get busy(): boolean {
    return this.#busy;
  }

  async #flush(): Promise<void> {
    while (this.#items.length > 0) await this.#options.commit(this.#takeBatch());
    this.#busy = false;
  }

  /** Redis must never stall on one call, so a batch is bounded in items and in bytes. */
  #takeBatch(): T[] {
    let count = this.#countThatFit();
    if (count < Math.min(this.#items.length, this.#options.maxItems) && this.#letPass()) {
      count = this.#countThatFit();
    }
    if (count < this.#items.length) return this.#items.splice(0, count);
    const all = this.#items;
    this.#items = [];
    return all;
  }

  #countThatFit(): number {
    const { maxItems, maxBytes, bytesOf } = this.#options;
    let bytes = 0;
    let count = 0;
    while (count < this.#items.length && count < maxItems && bytes < maxBytes) {
      bytes += bytesOf(this.#items[count++] as T);
    }
    return count;
  }

  /** Moves small items in front of bulky ones, except for the first bulky one, so that it advances with every batch. */
  #letPass(): boolean {
    const { bulkBytes, bytesOf } = this.#options;
    if (bulkBytes === undefined) return false;
    const isBulk = (item: T) => bytesOf(item) > bulkBytes;
    const bulk = this.#items.filter(isBulk);
    const small = this.#items.filter((item) => !isBulk(item));
    this.#items = [...bulk.splice(0, 1), ...small, ...bulk];
    return true;
  }
}
