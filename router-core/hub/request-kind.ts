import { fieldGoesOn } from '../http/forward-request.ts';
import { isIdempotent } from '../http/problems.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { RoutedRequest } from './snapshot.ts';

/** Running the request twice does no harm. An Idempotency-Key says so only to an upstream that gets it. */
export function isRepeatable(request: ClientRequest, { policy, headerRules }: RoutedRequest): boolean {
  if (isIdempotent(request.method) || policy.retryUnsafe) return true;
  if (request.field('idempotency-key') === undefined) return false;
  return fieldGoesOn('idempotency-key', request.rawHeaders, headerRules);
}

/**
 * The upstream may answer before the body of the request is there. Servers of gRPC may speak first:
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
export function isDuplex(request: ClientRequest, { duplex }: RoutedRequest): boolean {
  return duplex || (request.field('content-type')?.startsWith('application/grpc') ?? false);
}
