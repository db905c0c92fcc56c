/** An address is refused for the rest of the window after this many failures. */
const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Above this number the oldest are forgotten: an attacker with more addresses is not stopped by this anyway. */
const MOST_ADDRESSES = 10_000;

/**
 * Counts wrong tokens by address. Nobody can guess a token; this protects the log, the CPU, and whatever is weaker than it
 * looks. A refused address is refused with a correct token, too: otherwise it could go on guessing.
 */
export class FailedLogins {
  readonly #windows = new Map<string, { endsAt: number; failures: number }>();

  /** Seconds until the address may try again; 0 when it may try now. */
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
    // Inserted again, so that the map is ordered by the ends of the windows.
    this.#windows.delete(network);
    this.#windows.set(network, { endsAt: nowMs + WINDOW_MS, failures: 1 });
    for (const [oldest, { endsAt }] of this.#windows) {
      if (endsAt > nowMs && this.#windows.size <= MOST_ADDRESSES) return;
      this.#windows.delete(oldest);
    }
  }
}

/** One customer has 2^64 IPv6 addresses, so failures are counted by network: the first 64 bits. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length;
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail?.split(':') ?? [])]
    .slice(0, 4)
    .join(':');
}
