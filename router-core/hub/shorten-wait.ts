import { preferredWaitS } from '../http/prefer.ts';
import type { RoutedRequest } from './snapshot.ts';

/** A client may wait for a slot for less than its group would let it, never for longer. */
export function shortenWait(routed: RoutedRequest, prefer: string): RoutedRequest {
  const waitS = preferredWaitS(prefer);
  if (waitS === undefined || waitS * 1_000 >= routed.policy.waitMs) return routed;
  return { ...routed, policy: { ...routed.policy, waitMs: waitS * 1_000 }, preference: `wait=${waitS}` };
}
