/** Everything that expires follows from one setting, the group's lease. All in ms. */

/** After so long at most an instance renews what it holds. */
export const heartbeatMs = (leaseMs: number): number => leaseMs / 3;

/** How often a hub looks for orphans and says that it lives. */
export const sweepMs = (leaseMs: number): number => Math.min(1_000, leaseMs / 6);

/** A hub that has not been heard of for so long is gone, and its clients with it. */
export const hubLeaseMs = (leaseMs: number): number => Math.ceil((leaseMs * 2) / 3);

/** How long a per-request stream outlives its last renewal. */
export const streamTtlMs = (leaseMs: number): number => 3 * leaseMs;

/** Pause before a command is tried again after its connection failed. */
export const RETRY_MS = 20;
