import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { actorOf, forRole, guardedAnswers, jsonContent } from './endpoint.ts';
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
      description: 'Path and query, the first 1,000 bytes. Headers and body are not kept',
    }),
    attempts: z.number(),
    instance: z.string().nullable().meta({ description: 'The last instance that had the request' }),
    hub: z.string(),
    reason: z.string(),
    at: z.string(),
  })
  .meta({ id: 'DeadRequest' });

const forgottenSchema = z.object({ id: z.string(), group: z.string() }).meta({ id: 'Forgotten' });

/** The requests that were given up after their last attempt: list and delete. */
export function deadEndpoints(api: Api, parts: ApiParts): void {
  listEndpoint(api, parts);
  forgetEndpoint(api, parts);
}

function listEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/dead',
    tags: ['requests'],
    operationId: 'listDeadRequests',
    summary: 'List requests given up after their last attempt',
    description: 'Newest first. About the last thousand of each group are kept.',
    ...forRole('viewer'),
    request: {
      query: z.object({
        ...pageQuery,
        group: groupName.optional().meta({ description: 'Only requests of this group' }),
      }),
    },
    responses: {
      200: jsonContent(pageOfGroups(deadSchema), 'A page of requests'),
      ...guardedAnswers('invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { group, ...query } = c.req.valid('query');
    const page = await control.deadRequests(query, group);
    if (page) return c.json(page, 200);
    throw new ApiProblem('invalid', {
      errors: [{ path: 'after', message: 'expected `next` of the previous page' }],
    });
  });
}

function forgetEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'delete',
    path: '/v1/dead/{group}/{id}',
    tags: ['requests'],
    operationId: 'forgetDeadRequest',
    summary: 'Remove a request from the list of those given up',
    description: 'Use it when somebody has examined the request. The audit log keeps their name.',
    ...forRole('operator'),
    request: {
      params: z.object({
        group: groupName.meta({ description: 'Its group' }),
        id: requestId.meta({ description: 'Its id' }),
      }),
    },
    responses: {
      200: jsonContent(forgottenSchema, 'The request was removed from the list'),
      ...guardedAnswers('not-found', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { group, id } = c.req.valid('param');
    if (await control.forgetDead(group, id, actorOf(c))) return c.json({ id, group }, 200);
    throw new ApiProblem('not-found', { detail: 'The list of this group has no such request' });
  });
}
