import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { jsonContent, problemAnswer } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { ApiProblem } from './problems.ts';

/** For whoever restarts processes and balances load; open to all. */
export function healthEndpoints(api: Api, { control, closing }: ApiParts): void {
  const liveRoute = createRoute({
    method: 'get',
    path: '/live',
    tags: ['health'],
    summary: 'Whether this process runs',
    responses: { 200: jsonContent(z.object({ status: z.literal('live') }), 'It does') },
  });
  api.openapi(liveRoute, (c) => c.json({ status: 'live' as const }, 200));

  const readyRoute = createRoute({
    method: 'get',
    path: '/ready',
    tags: ['health'],
    summary: 'Whether it can be used: Redis answers, and the configuration is known',
    responses: {
      200: jsonContent(z.object({ status: z.literal('ready') }), 'It can'),
      default: problemAnswer,
    },
  });
  api.openapi(readyRoute, async (c) => {
    if (closing.aborted) throw new ApiProblem('shutting-down');
    if (!(await control.ready())) throw new ApiProblem('store-unavailable');
    return c.json({ status: 'ready' as const }, 200);
  });
}
