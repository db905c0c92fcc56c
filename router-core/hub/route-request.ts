import type { CheckedRequest } from '../http/check-request.ts';
import { forwardedValues } from '../http/forward-request.ts';
import type { RouteRequest } from '../routing/route-search.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { HubContext } from './hub-context.ts';

export type AcceptedRequest = Extract<CheckedRequest, { ok: true }>;

export function routeRequest(
  request: ClientRequest,
  { target, authority }: AcceptedRequest,
  { proxies }: HubContext,
): RouteRequest {
  const { method, rawHeaders, peer } = request;
  // Few routes ask for a header: the values are put in order when one does.
  let values: ReadonlyMap<string, string> | undefined;
  const value = (name: string) =>
    (values ??= forwardedValues(rawHeaders, { authority, isTrusted: proxies.has(peer) })).get(name);
  return { method, host: authority, target, headers: value };
}
