import { createRoute } from '@hono/zod-openapi';
import { LIST_OF, oneOf, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { actorOf, forRole, guardedAnswers, jsonContent, writerOf } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { titleOf, viewSchema } from './object-view.ts';
import { edit } from './objects.ts';
import { nameParam, objectNamed, viewOne } from './read-objects.ts';

interface Action {
  readonly kind: ObjectKind;
  readonly action: string;
  readonly description: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The actions on an object that need only their name, with the fields that each sets. */
const ACTIONS: readonly Action[] = [
  {
    kind: 'group',
    action: 'pause',
    description: 'Its requests wait in line and none is handed out, until it is resumed.',
    fields: { paused: true },
  },
  {
    kind: 'group',
    action: 'resume',
    description: 'Its requests are handed out again.',
    fields: { paused: false },
  },
  { kind: 'app', action: 'pause', description: 'Its requests are refused.', fields: { paused: true } },
  {
    kind: 'app',
    action: 'resume',
    description: 'Its requests are accepted again.',
    fields: { paused: false },
  },
  {
    kind: 'agent',
    action: 'pause',
    description: 'Its instances pull no more requests. Running requests finish.',
    fields: { paused: true },
  },
  {
    kind: 'agent',
    action: 'drain',
    description: 'Its instances pull no more requests, finish what they run, and end.',
    fields: { draining: true },
  },
  {
    kind: 'agent',
    action: 'resume',
    description: 'Its instances pull requests again.',
    fields: { paused: false, draining: false },
  },
];

export function actionEndpoints(api: Api, parts: ApiParts): void {
  for (const { kind, action, description, fields } of ACTIONS) {
    const list = LIST_OF[kind];
    const route = createRoute({
      method: 'post',
      path: `/v1/${list}/{name}/${action}`,
      tags: [list],
      operationId: `${action}${titleOf(kind)}`,
      summary: `${action[0]?.toUpperCase()}${action.slice(1)} ${oneOf(kind)}`,
      description,
      ...forRole(writerOf(kind)),
      request: { params: nameParam },
      responses: {
        200: jsonContent(viewSchema(kind), `The ${kind} as it is now`),
        ...guardedAnswers('not-found', 'conflict', 'stale'),
      },
    });
    api.openapi(route, async (c) => {
      const edited = (own: Record<string, unknown>) => ({ ...own, ...fields });
      return c.json(await edit(c, { kind, parts, action, edited }), 200);
    });
  }
  repairEndpoint(api, parts);
}

/** POST /v1/groups/{name}/repair: for a group whose keys in Redis somebody has tampered with. */
function repairEndpoint(api: Api, parts: ApiParts): void {
  const { control } = parts;
  const route = createRoute({
    method: 'post',
    path: '/v1/groups/{name}/repair',
    operationId: 'repairGroup',
    tags: ['groups'],
    summary: 'Repair a group',
    description:
      "Rebuilds the group's state in Redis from what hubs and agents know. Running requests go on. " +
      'Use it after somebody has written into its keys, for instance with a stolen token of an agent.',
    ...forRole('operator'),
    request: { params: nameParam },
    responses: { 200: jsonContent(viewSchema('group'), 'The group'), ...guardedAnswers('not-found') },
  });
  api.openapi(route, async (c) => {
    const { name } = c.req.valid('param');
    const group = objectNamed(await control.newest(), 'group', name);
    await control.repairGroup(name, actorOf(c));
    return c.json(await viewOne(c, parts, group), 200);
  });
}
