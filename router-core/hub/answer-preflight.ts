import { preflightFields } from '../http/cors.ts';
import { logRefusal } from './access-log.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { HubContext } from './hub-context.ts';
import { routeRequest, type AcceptedRequest } from './route-request.ts';
import type { Snapshot } from './snapshot.ts';

interface PreflightParts {
  readonly request: ClientRequest;
  readonly reply: ClientReply;
  readonly checked: AcceptedRequest;
}

/** The method that a browser asks for before it sends a request; undefined for a request that is no preflight. */
export function preflightMethod(
  request: ClientRequest,
  { contentLength }: AcceptedRequest,
): string | undefined {
  // Nobody knows who sends it: what could be more than a question needs a token as before.
  if (request.method !== 'OPTIONS' || contentLength !== 0 || request.protocolSwitch) return undefined;
  return request.field('origin') === undefined ? undefined : request.field('access-control-request-method');
}

/** Answers for a route that has `cors`. Returns false when the route of the request behind the preflight has none. */
export function answerPreflight(
  context: HubContext,
  snapshot: Snapshot | undefined,
  { request, reply, checked }: PreflightParts,
): boolean {
  const method = preflightMethod(request, checked) ?? '';
  const routed = snapshot?.route({ ...routeRequest(request, checked, context), method });
  if (!routed?.cors) return false;
  const { group, counts } = routed;
  const about = { group, route: counts.route, status: 204, code: undefined, bytes: 0 };
  logRefusal(context, request, { id: context.link.nextId(), ...about });
  const origin = request.field('origin');
  const headers = request.field('access-control-request-headers');
  reply.startAndEnd(204, 'No Content', preflightFields(routed.cors, { origin, method, headers }), undefined);
  return true;
}
