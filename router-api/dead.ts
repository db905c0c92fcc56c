import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { actorOf, forRole, jsonContent, problemAnswer } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { pageOfGroups, pageQuery } from './page.ts';
import { ApiProblem } from './problems.ts';
import { groupName, requestId } from './requests.ts';

const deadSchema = z
  .object({
    id: z.string(),
    group: z.string(),
    method: z.string(),
    target: z.string().meta({
      description: 'What the upstream was asked for, its first 1,000 bytes. Headers and body are not kept',
    }),
    attempts: z.number(),
    instance: z.string().nullable().meta({ description: 'The one that had it last' }),
    hub: z.string(),
    reason: z.string(),
    at: z.string(),
  })
  .meta({ id: 'DeadRequest' });

const forgottenSchema = z.object({ id: z.string(), group: z.string() }).meta({ id: 'Forgotten' });

/** What was given up after its last attempt: to look at, and to forget. */
export function deadEndpoints(api: Api, parts: ApiParts): void {
  listEndpoint(api, parts);
  forgetEndpoint(api, parts);
}

function listEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/dead',
    tags: ['requests'],
    summary:
      'List requests given up after their last attempt, newest first; the last thousand or so of each group',
    ...forRole('viewer'),
    request: {
      query: z.object({
        ...pageQuery,
        group: groupName.optional().meta({ description: 'Only those of this group' }),
      }),
    },
    responses: { 200: jsonContent(pageOfGroups(deadSchema), 'A page'), default: problemAnswer },
  });
  api.openapi(route, async (c) => {
    const { group, ...query } = c.req.valid('query');
    const page = await control.deadRequests(query, group);
    if (page) return c.json(page, 200);
    throw new ApiProblem('invalid', {
      errors: [{ path: 'after', message: 'expected what `next` of the page before was' }],
    });
  });
}

function forgetEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'delete',
    path: '/v1/dead/{group}/{id}',
    tags: ['requests'],
    summary: 'Take a request off the list: somebody has seen to it',
    ...forRole('operator'),
    request: { params: z.object({ group: groupName, id: requestId }) },
    responses: { 200: jsonContent(forgottenSchema, 'It was taken off'), default: problemAnswer },
  });
  api.openapi(route, async (c) => {
    const { group, id } = c.req.valid('param');
    if (await control.forgetDead(group, id, actorOf(c))) return c.json({ id, group }, 200);
    throw new ApiProblem('not-found', { detail: 'The list of this group has no such request' });
  });
}
