/** Failures that an address may have within the window before it is turned away for the rest of it. */
const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Beyond that the oldest are forgotten: an attacker with so many addresses is not stopped by this anyway. */
const MOST_ADDRESSES = 10_000;

/**
 * Who has shown wrong tokens lately. A token cannot be guessed; this is for the log, the processor, and what else might be
 * weaker than it looks. An address that is turned away is so with a right token, too: else it could go on guessing.
 */
export class FailedLogins {
  readonly #windows = new Map<string, { endsAt: number; failures: number }>();

  /** Seconds until the address may try again; 0: now. */
  waitSeconds(address: string, nowMs: number): number {
    const window = this.#windows.get(networkOf(address));
    if (window === undefined || window.endsAt <= nowMs || window.failures < MOST_FAILURES) return 0;
    return Math.ceil((window.endsAt - nowMs) / 1_000);
  }

  note(address: string, nowMs: number): void {
    const network = networkOf(address);
    const window = this.#windows.get(network);
    if (window !== undefined && window.endsAt > nowMs) {
      window.failures += 1;
      return;
    }
    // Set anew, so that the map is in the order of the ends.
    this.#windows.delete(network);
    this.#windows.set(network, { endsAt: nowMs + WINDOW_MS, failures: 1 });
    for (const [oldest, { endsAt }] of this.#windows) {
      if (endsAt > nowMs && this.#windows.size <= MOST_ADDRESSES) return;
      this.#windows.delete(oldest);
    }
  }
}

/** One customer has 2^64 addresses of IPv6: what counts is the network, its first 64 bits. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length;
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail?.split(':') ?? [])]
    .slice(0, 4)
    .join(':');
}
