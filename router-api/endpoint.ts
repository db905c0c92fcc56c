import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { Role } from '../router-core/config/identities.ts';
import { validationProblems } from '../router-core/config/validation-problems.ts';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import type { Logger } from '../router-core/runtime/logger.ts';
import type { MetricSource } from '../router-core/runtime/metrics.ts';
import type { Admin, AdminDirectory } from './admin-directory.ts';
import { ApiProblem, problemSchema } from './problems.ts';

/** What every endpoint can ask of its request. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    admin: Admin;
    ip: string;
    /** Whether who has asked would be let in now, too; for answers that last. */
    isStillAdmitted: () => boolean;
  };
}

export type Api = OpenAPIHono<ApiEnv>;
export type ApiContext = Context<ApiEnv>;

/** What the endpoints share. */
export interface ApiParts {
  readonly control: ControlPlane;
  readonly admins: AdminDirectory;
  /** Aborted when the process is told to stop. */
  readonly closing: AbortSignal;
  readonly log: Logger;
  readonly processMetrics: MetricSource;
}

/** An API whose requests are checked against their schemas before an endpoint sees them. */
export function createEndpoints(): Api {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw new ApiProblem('invalid', { errors: validationProblems(result.error) });
    },
  });
}

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** To be put before an endpoint: only admins of this role, or a higher one, get there. */
export function requireRole(role: Role): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { admin } = c.var;
    if (RANK[admin.role] < RANK[role]) {
      throw new ApiProblem('forbidden', { detail: `This takes the role ${role}; yours is ${admin.role}` });
    }
    await next();
  };
}

/** Of the OpenAPI document: what an endpoint answers. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** What every endpoint may answer instead. */
export const problemAnswer = {
  description: 'A problem document, RFC 9457',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** Of the OpenAPI document: who may use an endpoint. */
export function forRole(role: Role) {
  return {
    security: [{ adminToken: [] }],
    middleware: requireRole(role),
    'x-role': role,
  };
}

/** Who asks, as the audit log names them. */
export function actorOf(c: ApiContext): { name: string; tokenId: string; ip: string } {
  const { admin, ip } = c.var;
  return { name: admin.name, tokenId: admin.tokenId, ip };
}
