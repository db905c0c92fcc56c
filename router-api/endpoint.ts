import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { Role } from '../router-core/config/identities.ts';
import type { ObjectKind } from '../router-core/config/object-kinds.ts';
import { validationProblems } from '../router-core/config/validation-problems.ts';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import type { Logger } from '../router-core/runtime/logger.ts';
import type { MetricSource } from '../router-core/runtime/metrics.ts';
import type { Admin, AdminDirectory } from './admin-directory.ts';
import { API_PROBLEMS, ApiProblem, problemSchema, type ApiProblemCode } from './problems.ts';

/** The variables that middleware sets for every endpoint. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    admin: Admin;
    ip: string;
    /** True while the admin of this request would still be authenticated; for responses that stay open. */
    isStillAdmitted: () => boolean;
  };
}

export type Api = OpenAPIHono<ApiEnv>;
export type ApiContext = Context<ApiEnv>;

/** The parts that all endpoints share. */
export interface ApiParts {
  readonly control: ControlPlane;
  readonly admins: AdminDirectory;
  /** Aborts when the process is stopping. */
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

/** Middleware: only admins with this role or a higher one reach the endpoint. */
export function requireRole(role: Role): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { admin } = c.var;
    if (RANK[admin.role] < RANK[role]) {
      throw new ApiProblem('forbidden', {
        detail: `This takes the role ${role}; yours is ${admin.role}. An admin can give you another one: router-cli admin set NAME --role ${role}`,
      });
    }
    await next();
  };
}

/** For the OpenAPI document: a response or a body in JSON. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

function problemContent(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

type StatusOf<C extends ApiProblemCode> = (typeof API_PROBLEMS)[C]['status'];

/** For the OpenAPI document: the errors that clients of an endpoint should expect. Others remain possible. */
export function problemAnswers<C extends ApiProblemCode = never>(...codes: readonly C[]) {
  const texts: Record<number, string[]> = {};
  for (const code of codes) {
    const { status, title } = API_PROBLEMS[code];
    (texts[status] ??= []).push(`\`${code}\`: ${title}`);
  }
  const answers = Object.entries(texts).map(([status, lines]) => [status, problemContent(lines.join('. '))]);
  return {
    ...(Object.fromEntries(answers) as Record<StatusOf<C>, ReturnType<typeof problemContent>>),
    default: problemContent('Any other error'),
  };
}

/** The same for endpoints that require the token of an admin. */
export function guardedAnswers<C extends ApiProblemCode = never>(...codes: readonly C[]) {
  return problemAnswers<C | 'unauthorized' | 'forbidden' | 'too-many-requests' | 'store-unavailable'>(
    'unauthorized',
    'forbidden',
    ...codes,
    'too-many-requests',
    'store-unavailable',
  );
}

/** For the OpenAPI document: the role that an endpoint requires. */
export function forRole(role: Role) {
  return {
    security: [{ adminToken: [] }],
    middleware: requireRole(role),
    'x-role': role,
  };
}

/** The role that may write objects of this kind. */
export function writerOf(kind: ObjectKind): Role {
  return kind === 'admin' ? 'admin' : 'operator';
}

/** The sender of a request, as the audit log names them. */
export function actorOf(c: ApiContext): { name: string; tokenId: string; ip: string } {
  const { admin, ip } = c.var;
  return { name: admin.name, tokenId: admin.tokenId, ip };
}
