import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import { auditEntrySchema } from '../router-core/redis/config/audit-log.ts';
import { isEntryId } from '../router-core/redis/scripts/times.ts';
import { forRole, jsonContent, guardedAnswers } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { pageOf, pageQuery } from './page.ts';

const entrySchema = auditEntrySchema.safeExtend({ id: z.string() }).meta({ id: 'StoredAuditEntry' });

const after = z
  .string()
  .refine(isEntryId, 'expected `next` of the previous page')
  .optional()
  .meta({ description: '`next` of the previous page' });

/** GET /v1/audit: the changes and who made them. */
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
    summary: 'List changes and who made them',
    description: 'Newest first. About the last ten thousand entries are kept.',
    ...forRole('viewer'),
    request: { query },
    responses: { 200: jsonContent(pageOf(entrySchema), 'A page of entries'), ...guardedAnswers('invalid') },
  });
  api.openapi(route, async (c) => c.json(await control.audit(c.req.valid('query')), 200));
}
