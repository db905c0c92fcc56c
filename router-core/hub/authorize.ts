import type { IncomingMessage } from 'node:http';
import { appTokenOf } from '../http/app-token.ts';
import type { ProblemCode } from '../http/problems.ts';
import type { Caller } from './app-directory.ts';
import type { SlimeHabits } from './slime-habits.ts';
import type { RoutedRequest, Snapshot } from './snapshot.ts';

export type Authorization = { readonly caller: Caller | undefined } | { readonly refused: ProblemCode };

/** Whether this request may go where its route leads: on a route that wants an app, its token says whose it is. */
export function authorize(
  req: IncomingMessage,
  routed: RoutedRequest,
  snapshot: Snapshot,
  slime?: SlimeHabits,
): Authorization {
  if (!routed.needsApp) return { caller: undefined };
  const token = appTokenOf(req.rawHeaders) ?? slime?.passwordOf(req.headers);
  if (slime?.isPassword(token)) return { caller: undefined };
  const caller = token === undefined ? undefined : snapshot.apps.identify(token, Date.now());
  if (!caller) return { refused: 'unauthorized' };
  const { paused, groups } = caller.app;
  if (paused || (groups.length > 0 && !groups.includes(routed.group))) return { refused: 'forbidden' };
  return { caller };
}
