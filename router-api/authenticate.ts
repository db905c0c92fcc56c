import type { MiddlewareHandler } from 'hono';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import type { ApiEnv, ApiParts } from './endpoint.ts';
import { parseToken } from '../router-core/config/token.ts';
import { FailedLogins } from './failed-logins.ts';
import { ApiProblem } from './problems.ts';

const BEARER = /^bearer +(\S+) *$/i;

/** Requires the token of an admin in `Authorization: Bearer`. */
export function authenticate({ admins, control, log }: ApiParts): MiddlewareHandler<ApiEnv> {
  const failed = new FailedLogins();
  return async (c, next) => {
    const now = Date.now();
    const { ip } = c.var;
    const waitS = failed.waitSeconds(ip, now);
    if (waitS > 0) {
      throw new ApiProblem('too-many-requests', {
        detail: 'Too many wrong tokens came from this address',
        headers: { 'Retry-After': String(waitS) },
      });
    }
    const token = BEARER.exec(c.req.header('authorization') ?? '')?.[1];
    const admin = token === undefined ? undefined : admins.identify(token, knownAdmins(control), now);
    if (!admin) {
      // A missing token is no failed attempt. Nor is a token that cannot be checked because Redis was never reached.
      if (token !== undefined && control.isInformed) {
        failed.note(ip, now);
        log.warn({ ip }, 'a wrong admin token');
      }
      if (token !== undefined && !control.isInformed) throw new ApiProblem('store-unavailable');
      throw new ApiProblem('unauthorized', {
        detail: whyUnauthorized(token),
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    }
    c.set('admin', admin);
    c.set(
      'isStillAdmitted',
      () => admins.identify(token ?? '', knownAdmins(control), Date.now()) !== undefined,
    );
    if (!admin.isRoot) control.tokenUse.note([admin.tokenId]);
    await next();
  };
}

/** Says nothing of what is stored: a wrong token is refused with the same words, whatever is wrong with it. */
function whyUnauthorized(token: string | undefined): string {
  if (token === undefined) return 'Send the token of an admin as "Authorization: Bearer mr_admin_…"';
  const { kind } = parseToken(token) ?? {};
  if (kind !== undefined && kind !== 'admin') {
    return `This is the token of an ${kind}; this API takes those of admins, which begin with mr_admin_`;
  }
  return (
    'The token is unknown here, was revoked, or has expired. Another admin makes a new one with `router-cli admin rotate NAME`; ' +
    'without any, `router-cli admin init` writes an admin straight to Redis'
  );
}

function knownAdmins(control: ControlPlane) {
  return control.isInformed ? control.state.admins : undefined;
}
