import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { ROLES } from '../router-core/config/identities.ts';
import { forRole, jsonContent, problemAnswer } from './endpoint.ts';
import type { Api } from './endpoint.ts';

const meSchema = z
  .object({
    name: z.string().meta({ description: 'Of the admin; `root` may also be whoever has ROUTER_ADMIN_TOKEN' }),
    role: z.enum(ROLES),
    tokenId: z.string(),
    expiresAt: z
      .string()
      .nullable()
      .meta({ description: 'When this token ends, by itself or with its admin; null: never' }),
  })
  .meta({ id: 'Me', description: 'Whose token a request has come with' });

/** GET /v1/me: who asks. */
export function meEndpoint(api: Api): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/me',
    tags: ['admins'],
    summary: 'Who you are: the admin of the token that this is asked with',
    ...forRole('viewer'),
    responses: { 200: jsonContent(meSchema, 'As it is now'), default: problemAnswer },
  });
  api.openapi(route, (c) => {
    const { name, role, tokenId, expiresAt } = c.var.admin;
    return c.json({ name, role, tokenId, expiresAt }, 200);
  });
}
