/** Everything that expires follows from one setting, the group's lease. All in ms. */

/** After so long at most an instance renews what it holds. */
export const heartbeatMs = (leaseMs: number): number => leaseMs / 3;

/** How often a hub looks for orphans and says that it lives. */
export const sweepMs = (leaseMs: number): number => Math.min(1_000, leaseMs / 6);

/** A hub that has not been heard of for so long is gone, and its clients with it. */
export const hubLeaseMs = (leaseMs: number): number => Math.ceil((leaseMs * 2) / 3);

/** How long a per-request stream outlives its last renewal. */
export const streamTtlMs = (leaseMs: number): number => 3 * leaseMs;

const LARGEST = 2n ** 64n - 1n;

/** Whether this may be the id of an entry of a stream, `<ms>-<n>`: Redis refuses larger numbers as the bounds of a range. */
export function isEntryId(text: string): boolean {
  const [, ms = '', n = ''] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? [];
  // No clock gets to the very last millisecond, behind which there would be no id to begin with.
  return ms !== '' && BigInt(ms) < LARGEST && BigInt(n) <= LARGEST;
}

/** The bound of a range that ends right before this entry. Before 0-0 there is none, and none has that id: Redis refuses `(0-0`. */
export function endBefore(entryId: string): string {
  return /^0+-0+$/.test(entryId) ? '0-0' : `(${entryId}`;
}

/** Pause before a command is tried again after its connection failed. */
export const RETRY_MS = 20;
