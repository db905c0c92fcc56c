import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import { auditEntrySchema } from '../router-core/protocol/audit-log.ts';
import { isEntryId } from '../router-core/protocol/times.ts';
import { forRole, jsonContent, problemAnswer } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { pageOf, pageQuery } from './page.ts';

const entrySchema = auditEntrySchema.safeExtend({ id: z.string() }).meta({ id: 'StoredAuditEntry' });

const after = z
  .string()
  .refine(isEntryId, 'expected what `next` of the page before was')
  .optional()
  .meta({ description: 'What `next` of the page before was' });

/** GET /v1/audit: who has changed what. */
export function auditEndpoint(api: Api, { control }: ApiParts): void {
  const query = z.object({
    ...pageQuery,
    after,
    kind: z.enum(OBJECT_KINDS).optional().meta({ description: 'Only changes of such objects' }),
    name: z.string().max(64).optional().meta({ description: 'Only changes of the object of this name' }),
    actor: z.string().max(64).optional().meta({ description: 'Only what this admin has done' }),
  });
  const route = createRoute({
    method: 'get',
    path: '/v1/audit',
    tags: ['audit'],
    summary: 'Who has changed what, newest first; the last ten thousand entries or so',
    ...forRole('viewer'),
    request: { query },
    responses: { 200: jsonContent(pageOf(entrySchema), 'A page'), default: problemAnswer },
  });
  api.openapi(route, async (c) => c.json(await control.audit(c.req.valid('query')), 200));
}
