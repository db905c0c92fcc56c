import { appTokenOf } from '../http/app-token.ts';
import type { ProblemCode } from '../http/problems.ts';
import type { Caller } from './app-directory.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { SlimeHabits } from './slime-habits.ts';
import type { RoutedRequest, Snapshot } from './snapshot.ts';

export type Authorization = { readonly caller: Caller | undefined } | { readonly refused: ProblemCode };

/** Decides if a request may go where its route leads. On a route that wants an app, the token names the app. */
export function authorize(
  request: ClientRequest,
  routed: RoutedRequest,
  snapshot: Snapshot,
  slime?: SlimeHabits,
): Authorization {
  if (!routed.needsApp) return { caller: undefined };
  const token = appTokenOf(request.rawHeaders) ?? slime?.passwordOf(request);
  if (slime?.isPassword(token)) return { caller: undefined };
  const caller = token === undefined ? undefined : snapshot.apps.identify(token, Date.now());
  if (!caller) return { refused: 'unauthorized' };
  const { paused, groups } = caller.app;
  if (paused || (groups.length > 0 && !groups.includes(routed.group))) return { refused: 'forbidden' };
  return { caller };
}
