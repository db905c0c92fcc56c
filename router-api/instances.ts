import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { LiveInstance } from '../router-core/redis/control/live-instance.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { instancesOf, labelled, labelQuery } from './instance-labels.ts';
import { pageByName, pageOf, pageQuery } from './page.ts';
import { nameParam, objectNamed } from './read-objects.ts';

const linkSchema = z
  .object({
    hub: z.string().meta({ description: 'The id of the hub that carries it' }),
    hubName: z.string().meta({ description: 'The name of its machine' }),
    roundTripMs: z.number().nullable().meta({ description: 'Of the last ping; null: none was answered yet' }),
    lastHeardAt: z
      .string()
      .meta({ description: 'When the hub heard of the agent last, seen up to 5 s later' }),
  })
  .meta({ id: 'InstanceLink', description: 'The link of an agent to a hub' });

export const instanceSchema = z
  .object({
    id: z.string(),
    group: z.string(),
    name: z.string().meta({ description: 'The --name of its agent' }),
    agent: z
      .string()
      .nullable()
      .meta({ description: 'Its agent record; null: the agent uses a shared login' }),
    tokenId: z.string().nullable(),
    version: z.string(),
    concurrency: z.number().meta({ description: 'Its slots' }),
    slots: z.number().meta({ description: 'The slots that its group lets it use now' }),
    inFlight: z.number(),
    state: z.string().meta({ description: 'Its state, as it reports it', example: 'ready' }),
    reason: z.string().nullable().meta({
      description: 'The reason why its upstream is down, from its agent; null: it is up',
      example: 'ECONNREFUSED 127.0.0.1:8000',
    }),
    labels: z
      .record(z.string(), z.string())
      .meta({ description: 'The --label of its agent', example: { zone: 'eu' } }),
    hardware: z
      .object({
        cpu: z.string(),
        cores: z.number(),
        memoryBytes: z.number(),
        gpus: z
          .array(
            z.object({ name: z.string(), memoryBytes: z.number(), driver: z.string(), count: z.number() }),
          )
          .readonly()
          .meta({ description: 'Those of NVIDIA; those that are alike are one entry with their count' }),
        os: z.string(),
        arch: z.string(),
        node: z.string(),
      })
      .nullable()
      .meta({ description: 'The machine of its agent, as the agent tells; null: it does not tell' }),
    link: linkSchema.nullable().meta({ description: 'Its link to a hub; null: it reaches Redis itself' }),
  })
  .meta({ id: 'Instance', description: 'One upstream of a running agent, as the agent reports it' });

/** Live instances: of all groups, and of one agent record. */
export function instanceEndpoints(api: Api, { control }: ApiParts): void {
  const page = jsonContent(pageOf(instanceSchema), 'A page of instances');
  const group = z.string().max(64).optional().meta({ description: 'Only instances of this group' });
  const all = createRoute({
    method: 'get',
    path: '/v1/instances',
    tags: ['status'],
    operationId: 'listInstances',
    summary: 'List live instances',
    description: 'In the order of group and id.',
    ...forRole('viewer'),
    request: { query: z.object({ ...pageQuery, group, label: labelQuery }) },
    responses: { 200: page, ...guardedAnswers('invalid') },
  });
  api.openapi(all, async (c) => {
    const { group: only, label, ...query } = c.req.valid('query');
    const instances = labelled(await control.instances(), label);
    return c.json(
      pageOfInstances(only ? instances.filter((each) => each.group === only) : instances, query),
      200,
    );
  });

  const ofAgent = createRoute({
    method: 'get',
    path: '/v1/agents/{name}/instances',
    tags: ['agents'],
    operationId: 'listAgentInstances',
    summary: 'List live instances of an agent',
    description: 'In the order of their ids.',
    ...forRole('viewer'),
    request: { params: nameParam, query: z.object({ ...pageQuery, label: labelQuery }) },
    responses: { 200: page, ...guardedAnswers('not-found', 'invalid') },
  });
  api.openapi(ofAgent, async (c) => {
    const { name } = c.req.valid('param');
    const agent = objectNamed(await control.newest(), 'agent', name);
    const { label, ...query } = c.req.valid('query');
    const own = instancesOf(await control.instances(), agent);
    return c.json(pageOfInstances(labelled(own, label), query), 200);
  });
}

function pageOfInstances(
  instances: readonly LiveInstance[],
  query: { limit: number; after?: string | undefined },
) {
  return pageByName(new Map(instances.map((each) => [`${each.group}/${each.id}`, each])), query);
}
