/** One that offers slots, some of which may be in use. */
export interface Offering {
  readonly offer: { readonly slots: number };
  readonly running: number;
}

/**
 * Shares the slots that a record was granted among its agents: none gets more than it offers; those in use come first, and the rest
 * goes round one by one, so that none has two more than another that wants as many.
 */
export function shareOut(granted: number, agents: readonly Offering[]): number[] {
  const wanted = agents.map(({ offer }) => offer.slots);
  const shares = agents.map(({ offer, running }) => Math.min(offer.slots, running));
  let left = granted - sum(shares);
  if (left >= sum(wanted) - sum(shares)) return wanted;
  while (left > 0) {
    // Level by level: all that are at the lowest level and want more are raised together as far as it goes.
    const open = shares.map((_, i) => i).filter((i) => (shares[i] ?? 0) < (wanted[i] ?? 0));
    const lowest = Math.min(...open.map((i) => shares[i] ?? 0));
    for (const i of open) {
      if (left > 0 && shares[i] === lowest) {
        shares[i] = lowest + 1;
        left -= 1;
      }
    }
  }
  return shares;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
