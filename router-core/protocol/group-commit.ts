/** What one script call may carry. */
export const BATCH_LIMITS = { maxItems: 128, maxBytes: 1024 * 1024 } as const;

export interface GroupCommitOptions<T> {
  readonly maxItems: number;
  /** A batch ends with the item that reaches this many bytes. */
  readonly maxBytes: number;
  readonly bytesOf: (item: T) => number;
  /** Takes the items of one batch in order, retries what must be retried, and never rejects. */
  readonly commit: (items: T[]) => Promise<void>;
}

/**
 * Group commit: everything added in one event-loop tick goes out in one batch, and while a batch is under way the next
 * one gathers. One batch at a time keeps the order over cuts and retries, and under load batches grow by themselves.
 */
export class GroupCommit<T> {
  readonly #options: GroupCommitOptions<T>;
  #items: T[] = [];
  #busy = false;

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => void this.#flush());
  }

  /** Whether anything is waiting or under way. */
  get busy(): boolean {
    return this.#busy;
  }

  async #flush(): Promise<void> {
    while (this.#items.length > 0) await this.#options.commit(this.#takeBatch());
    this.#busy = false;
  }

  /** Redis must never stall on one call, so a batch is bounded in items and in bytes. */
  #takeBatch(): T[] {
    const { maxItems, maxBytes, bytesOf } = this.#options;
    let bytes = 0;
    let count = 0;
    while (count < this.#items.length && count < maxItems && bytes < maxBytes) {
      bytes += bytesOf(this.#items[count++] as T);
    }
    if (count === this.#items.length) {
      const all = this.#items;
      this.#items = [];
      return all;
    }
    return this.#items.splice(0, count);
  }
}
