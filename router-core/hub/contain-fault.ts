import type { Exchange } from './exchange.ts';

/** What code runs for: a fault in that code ends this, and nothing else. */
export interface FaultOwner {
  fault(error: unknown): void;
}

/** Runs code for somebody: it may throw, or return a promise that rejects. */
export function runFor(owner: FaultOwner, step: () => unknown): void {
  try {
    const result = step();
    if (result instanceof Promise) result.catch((error: unknown) => owner.fault(error));
  } catch (error) {
    owner.fault(error);
  }
}

/** A listener that runs for somebody. */
export function guarded<T = void>(owner: FaultOwner, listener: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      listener(value);
    } catch (error) {
      owner.fault(error);
    }
  };
}

const FAULT = 'a fault in this hub has ended a request; this should be reported';

const faulted = new WeakSet<Exchange>();

/**
 * Ends a request in whose handling something was thrown: 502, or a broken connection once its reply has begun. Never throws:
 * each step stands alone, because any of them may be what has thrown.
 */
export function endFaulted(exchange: Exchange, error: unknown): void {
  const { context, counts, id, group, state, reply } = exchange;
  counts.group.faults += 1;
  attempt(() => context.log.error({ err: error, id, group, state }, FAULT));
  // A second one comes from ending it for the first.
  if (faulted.has(exchange)) return;
  faulted.add(exchange);
  attempt(() => exchange.fail('internal-error'));
  attempt(() => exchange.finish());
  if (!reply.ended) attempt(() => reply.abort());
  if (state !== 'reading') void exchange.cancel();
}

/** For the steps that end what has failed already: there is nothing left to do when they fail, too. */
export function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // The fault itself is in the log.
  }
}
