import type { AppDirectory } from './app-directory.ts';
import { runFor } from './contain-fault.ts';
import type { Exchange } from './exchange.ts';

/** Ends requests whose token was revoked or has expired: with 401, or a broken connection once the reply has begun. */
export function endRevoked(inFlight: readonly Exchange[], apps: AppDirectory): void {
  const now = Date.now();
  for (const exchange of inFlight) {
    const { caller } = exchange;
    if (!caller || apps.isLive(caller.tokenId, now)) continue;
    runFor(exchange, () => exchange.breakOff('unauthorized'));
  }
}
