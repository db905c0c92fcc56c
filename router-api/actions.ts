import { createRoute } from '@hono/zod-openapi';
import { LIST_OF, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { actorOf, forRole, jsonContent, problemAnswer } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { viewSchema } from './object-view.ts';
import { edit, writerOf } from './objects.ts';
import { nameParam, objectNamed, viewOne } from './read-objects.ts';

interface Action {
  readonly kind: ObjectKind;
  readonly action: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What can be done to an object with one word, and which fields that sets. */
const ACTIONS: readonly Action[] = [
  {
    kind: 'group',
    action: 'pause',
    summary: 'Let the requests of a group wait',
    fields: { paused: true },
  },
  { kind: 'group', action: 'resume', summary: 'Hand its requests out again', fields: { paused: false } },
  { kind: 'app', action: 'pause', summary: 'Refuse the requests of an app', fields: { paused: true } },
  { kind: 'app', action: 'resume', summary: 'Take its requests again', fields: { paused: false } },
  {
    kind: 'agent',
    action: 'pause',
    summary: 'Let the instances of an agent pull nothing; what runs finishes',
    fields: { paused: true },
  },
  {
    kind: 'agent',
    action: 'drain',
    summary: 'Let the instances of an agent finish what runs, and end',
    fields: { draining: true },
  },
  {
    kind: 'agent',
    action: 'resume',
    summary: 'Let its instances pull again',
    fields: { paused: false, draining: false },
  },
];

export function actionEndpoints(api: Api, parts: ApiParts): void {
  for (const { kind, action, summary, fields } of ACTIONS) {
    const list = LIST_OF[kind];
    const route = createRoute({
      method: 'post',
      path: `/v1/${list}/{name}/${action}`,
      tags: [list],
      summary,
      ...forRole(writerOf(kind)),
      request: { params: nameParam },
      responses: { 200: jsonContent(viewSchema(kind), 'As it is now'), default: problemAnswer },
    });
    api.openapi(route, async (c) => {
      const edited = (own: Record<string, unknown>) => ({ ...own, ...fields });
      return c.json(await edit(c, { kind, parts, action, edited }), 200);
    });
  }
  repairEndpoint(api, parts);
}

/** POST /v1/groups/{name}/repair: after somebody has had the run of its keys in Redis. */
function repairEndpoint(api: Api, parts: ApiParts): void {
  const { control } = parts;
  const route = createRoute({
    method: 'post',
    path: '/v1/groups/{name}/repair',
    tags: ['groups'],
    summary: "Rebuild a group's state in Redis from what hubs and agents know; what runs goes on",
    ...forRole('operator'),
    request: { params: nameParam },
    responses: { 200: jsonContent(viewSchema('group'), 'The group'), default: problemAnswer },
  });
  api.openapi(route, async (c) => {
    const { name } = c.req.valid('param');
    const group = objectNamed(await control.newest(), 'group', name);
    await control.repairGroup(name, actorOf(c));
    return c.json(await viewOne(c, parts, group), 200);
  });
}
