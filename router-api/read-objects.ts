import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { LIST_OF, oneOf, type ObjectKind } from '../router-core/config/object-kinds.ts';
import type { AnyStored } from '../router-core/config/config-edits.ts';
import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import { objectsOf, type ConfigState } from '../router-core/config/config-state.ts';
import type { LiveInstance } from '../router-core/redis/control/live-instance.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiContext, ApiParts } from './endpoint.ts';
import { titleOf, viewSchema, viewsOf, type Json } from './object-view.ts';
import { instancesOf, labelled, labelQuery } from './instance-labels.ts';
import { pageByName, pageOf, pageQuery } from './page.ts';
import { etagOf, isKnown } from './preconditions.ts';

export const nameParam = z.object({
  name: z.string().min(1).max(64).meta({ description: 'The name of the object', example: 'llama' }),
});

/** Throws when there is none. */
export function objectNamed(state: ConfigState, kind: ObjectKind, name: string): AnyStored {
  const object = objectsOf(state, kind).get(name);
  if (!object) throw new ConfigRefusal('not-found', `There is no ${kind} named "${name}"`);
  return object;
}

/** One object as endpoints show it; sets its ETag. */
export async function viewOne(c: ApiContext, { control }: ApiParts, object: AnyStored): Promise<Json> {
  const [view = {}] = await viewsOf([object], { role: c.var.admin.role, tokenUse: control.tokenUse });
  c.header('ETag', etagOf(object.revision));
  return view;
}

/** The agents that run with the labels of these instances. */
function withLabel(agents: ReadonlyMap<string, AnyStored>, instances: readonly LiveInstance[]) {
  return new Map([...agents].filter(([, agent]) => instancesOf(instances, agent).length > 0));
}

/** List and read: the same for each kind of object. */
export function readEndpoints(api: Api, kind: ObjectKind, parts: ApiParts): void {
  const { control } = parts;
  const schema = viewSchema(kind);
  const list = LIST_OF[kind];
  const listRoute = createRoute({
    method: 'get',
    path: `/v1/${list}`,
    tags: [list],
    operationId: `list${titleOf(kind)}s`,
    summary: `List ${list}`,
    description: 'In the order of their names.',
    ...forRole('viewer'),
    request: { query: z.object({ ...pageQuery, ...(kind === 'agent' && { label: labelQuery }) }) },
    responses: { 200: jsonContent(pageOf(schema), `A page of ${list}`), ...guardedAnswers('invalid') },
  });
  api.openapi(listRoute, async (c) => {
    const query = c.req.valid('query');
    const label = query.label as string | undefined;
    const stored = objectsOf(await control.newest(), kind);
    const page = pageByName<AnyStored>(
      label === undefined ? stored : withLabel(stored, labelled(await control.instances(), label)),
      query,
    );
    const items = await viewsOf(page.items, { role: c.var.admin.role, tokenUse: control.tokenUse });
    return c.json({ items, next: page.next }, 200);
  });

  const oneRoute = createRoute({
    method: 'get',
    path: `/v1/${list}/{name}`,
    tags: [list],
    operationId: `read${titleOf(kind)}`,
    summary: `Read ${oneOf(kind)}`,
    description:
      'With `If-None-Match` and the ETag of an earlier answer, 304 means that nothing has changed.',
    ...forRole('viewer'),
    request: { params: nameParam },
    responses: {
      200: jsonContent(schema, `The ${kind}; the ETag is its revision`),
      304: { description: `The ${kind} still has the revision in \`If-None-Match\`` },
      ...guardedAnswers('not-found'),
    },
  });
  api.openapi(oneRoute, async (c) => {
    const object = objectNamed(await control.newest(), kind, c.req.valid('param').name);
    if (isKnown(c, object.revision)) return c.body(null, 304, { ETag: etagOf(object.revision) });
    return c.json(await viewOne(c, parts, object), 200);
  });
}
