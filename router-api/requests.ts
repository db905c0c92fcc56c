import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { actorOf, forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { pageOfGroups, pageQuery } from './page.ts';
import { ApiProblem } from './problems.ts';

const requestSchema = z
  .object({
    id: z.string(),
    group: z.string(),
    state: z.enum(['redelivery', 'waiting', 'handed', 'running']).meta({
      description:
        'redelivery: taken back from an agent, waits to run again; handed: on its way to an instance',
    }),
    method: z.string(),
    target: z.string().meta({ description: 'Path and query, the first 1,000 bytes' }),
    hub: z.string(),
    instance: z.string().nullable(),
    attempt: z.number(),
    sinceMs: z.number().meta({ description: 'How long the request has been in this state' }),
    deadline: z.string(),
  })
  .meta({ id: 'RequestInFlight' });

const outcomeSchema = z
  .object({
    id: z.string(),
    outcome: z
      .enum(['removed', 'running'])
      .meta({ description: 'removed: it never ran; running: its agent was ordered to stop it' }),
  })
  .meta({ id: 'Cancelled' });

export const groupName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected the name of a group');

export const requestId = z.string().regex(/^[0-9a-z]{1,40}-[0-9a-z]{1,20}$/, 'expected the id of a request');

const group = groupName.optional();

/** The requests without an answer: list and cancel. */
export function requestEndpoints(api: Api, parts: ApiParts): void {
  listEndpoint(api, parts);
  cancelEndpoint(api, parts);
}

function listEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/requests',
    tags: ['requests'],
    operationId: 'listRequests',
    summary: 'List requests in flight',
    description: 'First the waiting requests, by age, then those that an instance has, group by group.',
    ...forRole('viewer'),
    request: {
      query: z.object({ ...pageQuery, group: group.meta({ description: 'Only requests of this group' }) }),
    },
    responses: {
      200: jsonContent(pageOfGroups(requestSchema), 'A page of requests'),
      ...guardedAnswers('invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { group: only, ...query } = c.req.valid('query');
    const page = await control.requests(query, only);
    if (page) return c.json(page, 200);
    throw new ApiProblem('invalid', {
      errors: [{ path: 'after', message: 'expected `next` of the previous page' }],
    });
  });
}

function cancelEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'delete',
    path: '/v1/requests/{id}',
    tags: ['requests'],
    operationId: 'cancelRequest',
    summary: 'Cancel a request in flight',
    description: 'Cancels it wherever it is. Its client gets 503 `cancelled`.',
    ...forRole('operator'),
    request: {
      params: z.object({
        id: requestId.meta({ description: 'Its id: the field Router-Request-Id of its reply' }),
      }),
      query: z.object({
        group: group.meta({
          description: 'The group of the request, if you know it: the request is found sooner',
        }),
      }),
    },
    responses: {
      200: jsonContent(outcomeSchema, 'The request is cancelled'),
      ...guardedAnswers('not-found', 'invalid'),
    },
  });
  api.openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const outcome = await control.abort(id, actorOf(c), c.req.valid('query').group);
    if (outcome === 'unknown') {
      throw new ApiProblem('not-found', {
        detail: 'No such request is in flight: it may just have been answered',
      });
    }
    return c.json({ id, outcome }, 200);
  });
}
