/** Everything that expires follows from one setting, the group's lease. All in ms. */

/** An instance renews its leases at least this often. */
export const heartbeatMs = (leaseMs: number): number => leaseMs / 3;

/** How often a hub sweeps, and thereby shows that it is alive. */
export const sweepMs = (leaseMs: number): number => Math.min(1_000, leaseMs / 6);

/** A hub that was not heard of for this long counts as gone, together with its clients. */
export const hubLeaseMs = (leaseMs: number): number => Math.ceil((leaseMs * 2) / 3);

/** How long a per-request stream outlives its last renewal. */
export const streamTtlMs = (leaseMs: number): number => 3 * leaseMs;

const LARGEST = 2n ** 64n - 1n;

/** True for a text that may be the id of a stream's entry, `<ms>-<n>`: Redis refuses larger numbers as the bounds of a range. */
export function isEntryId(text: string): boolean {
  const [, ms = '', n = ''] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? [];
  // No clock reaches the very last millisecond, and no range can begin after it.
  return ms !== '' && BigInt(ms) < LARGEST && BigInt(n) <= LARGEST;
}

/** The bound of a range that ends right before this entry. Redis refuses `(0-0`, and no entry can be before that id. */
export function endBefore(entryId: string): string {
  return /^0+-0+$/.test(entryId) ? '0-0' : `(${entryId}`;
}
