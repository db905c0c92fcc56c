import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import { auditEntrySchema } from '../router-core/protocol/audit-log.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { pageOf, pageQuery } from './page.ts';

const entrySchema = auditEntrySchema.safeExtend({ id: z.string() }).meta({ id: 'StoredAuditEntry' });

const after = z
  .string()
  .regex(/^\d{1,20}-\d{1,20}$/, 'expected `next` of the previous page')
  .optional()
  .meta({ description: '`next` of the previous page' });

/** GET /v1/audit: who has changed what. */
export function auditEndpoint(api: Api, { control }: ApiParts): void {
  const query = z.object({
    ...pageQuery,
    after,
    kind: z.enum(OBJECT_KINDS).optional().meta({ description: 'Only changes of objects of this kind' }),
    name: z.string().max(64).optional().meta({ description: 'Only changes of the object of this name' }),
    actor: z.string().max(64).optional().meta({ description: 'Only changes by this admin' }),
  });
  const route = createRoute({
    method: 'get',
    path: '/v1/audit',
    tags: ['audit'],
    operationId: 'listAuditEntries',
    summary: 'List who has changed what',
    description: 'Newest first. About the last ten thousand entries are kept.',
    ...forRole('viewer'),
    request: { query },
    responses: { 200: jsonContent(pageOf(entrySchema), 'A page of entries'), ...guardedAnswers('invalid') },
  });
  api.openapi(route, async (c) => c.json(await control.audit(c.req.valid('query')), 200));
}
