import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { Role } from '../router-core/config/identities.ts';
import type { ObjectKind } from '../router-core/config/object-kinds.ts';
import { validationProblems } from '../router-core/config/validation-problems.ts';
import type { ControlPlane } from '../router-core/protocol/control-plane.ts';
import type { Logger } from '../router-core/runtime/logger.ts';
import type { MetricSource } from '../router-core/runtime/metrics.ts';
import type { Admin, AdminDirectory } from './admin-directory.ts';
import { API_PROBLEMS, ApiProblem, problemSchema, type ApiProblemCode } from './problems.ts';

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

/** For the OpenAPI document: an answer, or a body, in JSON. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

function problemContent(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

type StatusOf<C extends ApiProblemCode> = (typeof API_PROBLEMS)[C]['status'];

/** For the OpenAPI document: the errors that a client of an endpoint should expect. Any other one is possible, too. */
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

/** The same for endpoints that need the token of an admin. */
export function guardedAnswers<C extends ApiProblemCode = never>(...codes: readonly C[]) {
  return problemAnswers<C | 'unauthorized' | 'forbidden' | 'too-many-requests' | 'store-unavailable'>(
    'unauthorized',
    'forbidden',
    ...codes,
    'too-many-requests',
    'store-unavailable',
  );
}

/** For the OpenAPI document: who may use an endpoint. */
export function forRole(role: Role) {
  return {
    security: [{ adminToken: [] }],
    middleware: requireRole(role),
    'x-role': role,
  };
}

/** Who may write objects of this kind. */
export function writerOf(kind: ObjectKind): Role {
  return kind === 'admin' ? 'admin' : 'operator';
}

/** Who asks, as the audit log names them. */
export function actorOf(c: ApiContext): { name: string; tokenId: string; ip: string } {
  const { admin, ip } = c.var;
  return { name: admin.name, tokenId: admin.tokenId, ip };
}
