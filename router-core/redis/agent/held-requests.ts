import type { ChurnMap } from '../../runtime/churn-map.ts';

/**
 * Why the call of a request should stop: it is not ours any more (lost), its hub has not been heard of (abandoned), or it is over
 * and Redis knows nothing of it (over).
 */
export type TakenReason = 'lost' | 'abandoned' | 'over';

/** A pulled request whose lease the heartbeat renews. */
export interface HeldRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly entry: string;
  /** Its deadline, by performance.now(). */
  readonly expiresAt: number;
  readonly onTaken: (why: TakenReason) => void;
}

/** The requests that an instance runs, as they are now. */
export interface HeldRequests {
  readonly size: number;
  values(): Iterable<HeldRequest>;
  /** False once it is settled, requeued or taken away. */
  has(request: HeldRequest): boolean;
}

/** Requests that one call renews: each costs Redis some 10 µs. */
const MOST_IN_BATCH = 128;

/** In the order of their entries, so that Redis looks at one stretch of its list for each batch. */
export function batchesOf(held: HeldRequests): HeldRequest[][] {
  const sorted = [...held.values()].sort((a, b) => compareEntries(a.entry, b.entry));
  const batches: HeldRequest[][] = [];
  for (let at = 0; at < sorted.length; at += MOST_IN_BATCH)
    batches.push(sorted.slice(at, at + MOST_IN_BATCH));
  return batches;
}

/** Both are `<ms>-<n>` without leading zeros, with up to 20 digits each: more than a number holds. */
export function compareEntries(a: string, b: string): number {
  const [aMs = '', aSeq = ''] = a.split('-');
  const [bMs = '', bSeq = ''] = b.split('-');
  return compareDigits(aMs, bMs) || compareDigits(aSeq, bSeq);
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The requests of an instance, by id. */
export function heldIn(running: ChurnMap<HeldRequest>): HeldRequests {
  return {
    get size() {
      return running.size;
    },
    values: () => running.values(),
    has: (request) => running.get(request.id) === request,
  };
}
