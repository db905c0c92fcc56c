/** Weight of the newest second. */
const ALPHA = 0.2;

/** Requests per second that each group has answered lately, seen from this hub: Retry-After is made from them. */
export class ServiceRate {
  readonly #groups = new Map<string, { count: number; rate: number; total: number }>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), 1_000);
    this.#timer.unref();
  }

  served(group: string): void {
    const entry = this.#groups.get(group);
    if (entry) {
      entry.count += 1;
      entry.total += 1;
    } else this.#groups.set(group, { count: 1, rate: 0, total: 1 });
  }

  /** Seconds until so many requests in line are served, 1 to 60. */
  retryAfterS(group: string, inLine: number): number {
    const { rate = 0, count = 0 } = this.#groups.get(group) ?? {};
    const perSecond = Math.max(rate, count * ALPHA);
    if (perSecond <= 0) return 5;
    return Math.min(60, Math.max(1, Math.ceil(inLine / perSecond)));
  }

  /** Replies of a group since the start, and per second lately. */
  of(group: string): { served: number; perSecond: number } {
    const { total = 0, rate = 0 } = this.#groups.get(group) ?? {};
    return { served: total, perSecond: Math.round(rate * 10) / 10 };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const entry of this.#groups.values()) {
      entry.rate += ALPHA * (entry.count - entry.rate);
      entry.count = 0;
    }
  }
}
