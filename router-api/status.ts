import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { LiveStatus } from '../router-core/redis/control/live-status.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { instanceSchema } from './instances.ts';

const count = z.number();
const quantile = z.number().nullable();

const hubSchema = z
  .object({
    id: z.string().meta({ description: 'New with every start' }),
    name: z.string().meta({ description: 'The name of its machine' }),
    version: z.string(),
    startedAt: z.string(),
    address: z.string().meta({ description: 'Where it listens' }),
    configVersion: count.meta({ description: 'The version of the configuration that it serves' }),
    inFlight: count,
    flagRoutes: z
      .array(z.object({ name: z.string(), path: z.string() }))
      .meta({ description: 'Its `--group` flags: groups and the paths that they serve' }),
    groups: z.record(
      z.string(),
      z
        .object({
          served: count,
          perSecond: count,
          inFlight: count,
          fault: z.string().optional().meta({ description: 'Why the hub does not serve the group now' }),
        })
        .meta({ id: 'GroupTraffic' }),
    ),
    at: count.meta({ description: 'When it reported this: ms since 1970, by the clock of Redis' }),
  })
  .meta({ id: 'HubStatus', description: 'What a hub reports, every two seconds' });

const groupSchema = z
  .object({
    name: z.string(),
    configured: z.boolean().meta({ description: 'false: only flags of hubs or agents name it' }),
    paused: z.boolean(),
    waiting: count.meta({ description: 'Requests in line for a slot' }),
    queued: count.meta({ description: 'Requests handed out and not yet pulled' }),
    running: count.meta({ description: 'Requests pulled by an instance' }),
    slots: count.meta({ description: 'Requests that its instances can run at once now' }),
    permits: count.meta({ description: 'Permits of its concurrency that are taken' }),
    perSecond: count.meta({ description: 'Replies per second, of all hubs, over the last seconds' }),
    p50Ms: quantile.meta({
      description:
        'Half of the requests that ended in the last twenty seconds took no longer, over all hubs; ' +
        'estimated from buckets. null: no request ended',
    }),
    p99Ms: quantile.meta({ description: 'The same for 99 of 100 requests' }),
    errorRate: quantile.meta({
      description:
        'Share of those requests whose client got a status of 500 or more, 0 to 1. null: no request ended',
    }),
    instances: z.array(instanceSchema),
    error: z.string().nullable().meta({
      description:
        'The error of Redis for keys of the group that hold something unexpected: repair the group; null: no error',
    }),
  })
  .meta({ id: 'GroupStatus' });

const statusSchema = z
  .object({ version: count, hubs: z.array(hubSchema), groups: z.array(groupSchema) })
  .meta({ id: 'Status', description: 'What is running now' });

export type Status = z.input<typeof statusSchema>;

/** The status as a response and as an event. `version`: of the configuration. */
export function statusView(version: number, { hubs, groups }: LiveStatus): Status {
  return {
    version,
    hubs: hubs.map(hubView),
    groups: groups.map(({ instances, ...group }) => ({ ...group, instances: [...instances] })),
  };
}

/** Without the buckets: only metrics need them. */
function hubView({ groups, flagRoutes, ...hub }: LiveStatus['hubs'][number]): Status['hubs'][number] {
  const traffic = Object.entries(groups).map(
    ([name, { times: _times, sums: _sums, outcomes: _outcomes, ...rest }]) => [name, rest] as const,
  );
  return { ...hub, flagRoutes: [...flagRoutes], groups: Object.fromEntries(traffic) };
}

/** GET /v1/status: hubs, groups and their instances at one moment. */
export function statusEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/status',
    tags: ['status'],
    operationId: 'readStatus',
    summary: 'Read what is running',
    description: 'Live hubs, groups and their instances, at one moment.',
    ...forRole('viewer'),
    responses: { 200: jsonContent(statusSchema, 'The status'), ...guardedAnswers() },
  });
  api.openapi(route, async (c) => {
    const live = await control.status();
    return c.json(statusView(control.state.version, live), 200);
  });
}
