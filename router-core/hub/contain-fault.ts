import type { Exchange } from './exchange.ts';

/** Code runs for an owner: a fault in that code ends the owner, and nothing else. */
export interface FaultOwner {
  fault(error: unknown): void;
}

/** Runs code for an owner. The code may throw, or return a promise that rejects. */
export function runFor(owner: FaultOwner, step: () => unknown): void {
  try {
    const result = step();
    if (result instanceof Promise) result.catch((error: unknown) => owner.fault(error));
  } catch (error) {
    owner.fault(error);
  }
}

/** Makes a listener that runs for an owner. */
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
 * Ends a request whose code has thrown: 502, or a broken connection once its reply has begun. Never throws: each step stands
 * alone, because any of them may be the one that has thrown.
 */
export function endFaulted(exchange: Exchange, error: unknown): void {
  const { context, counts, id, group, state, reply } = exchange;
  counts.group.faults += 1;
  attempt(() => context.log.error({ err: error, id, group, state }, FAULT));
  // A second fault comes from ending the request for the first.
  if (faulted.has(exchange)) return;
  faulted.add(exchange);
  attempt(() => exchange.fail('internal-error'));
  attempt(() => exchange.finish());
  if (!reply.ended) attempt(() => reply.abort());
  if (state !== 'reading') void exchange.cancel();
}

/** Runs a step that ends a failed request. Nothing is left to do when the step fails, too. */
export function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // The fault itself is in the log.
  }
}
