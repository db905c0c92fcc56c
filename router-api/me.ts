import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { ROLES } from '../router-core/config/identities.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api } from './endpoint.ts';

const meSchema = z
  .object({
    name: z
      .string()
      .meta({ description: 'The name of the admin; `root` also stands for ROUTER_ADMIN_TOKEN' }),
    role: z.enum(ROLES),
    tokenId: z.string(),
    expiresAt: z
      .string()
      .nullable()
      .meta({ description: 'When this token, or its admin, expires; null: never' }),
  })
  .meta({ id: 'Me', description: 'The admin whose token came with the request' });

/** GET /v1/me: the admin of the token. */
export function meEndpoint(api: Api): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/me',
    tags: ['admins'],
    operationId: 'readMe',
    summary: 'Read who you are',
    description: 'The admin whose token comes with the request.',
    ...forRole('viewer'),
    responses: { 200: jsonContent(meSchema, 'The admin'), ...guardedAnswers() },
  });
  api.openapi(route, (c) => {
    const { name, role, tokenId, expiresAt } = c.var.admin;
    return c.json({ name, role, tokenId, expiresAt }, 200);
  });
}
