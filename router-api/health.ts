import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { jsonContent, problemAnswers } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { ApiProblem } from './problems.ts';

/** Liveness and readiness, for supervisors and load balancers; open to all. */
export function healthEndpoints(api: Api, { control, closing }: ApiParts): void {
  const liveRoute = createRoute({
    method: 'get',
    path: '/live',
    tags: ['health'],
    operationId: 'checkLive',
    summary: 'Check that router-api runs',
    description: 'Does not call Redis. Needs no token.',
    security: [],
    responses: { 200: jsonContent(z.object({ status: z.literal('live') }), 'router-api runs') },
  });
  api.openapi(liveRoute, (c) => c.json({ status: 'live' as const }, 200));

  const readyRoute = createRoute({
    method: 'get',
    path: '/ready',
    tags: ['health'],
    operationId: 'checkReady',
    summary: 'Check that router-api can be used',
    description: 'Redis answers, and router-api knows the configuration. Needs no token.',
    security: [],
    responses: {
      200: jsonContent(z.object({ status: z.literal('ready') }), 'router-api can be used'),
      ...problemAnswers('store-unavailable', 'shutting-down'),
    },
  });
  api.openapi(readyRoute, async (c) => {
    if (closing.aborted) throw new ApiProblem('shutting-down');
    if (!(await control.ready())) throw new ApiProblem('store-unavailable');
    return c.json({ status: 'ready' as const }, 200);
  });
}
