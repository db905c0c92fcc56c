import { createRoute } from '@hono/zod-openapi';
import { LIST_OF, oneOf, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { dryRunQuery, isDryRun } from './dry-run.ts';
import { actorOf, forRole, guardedAnswers, writerOf } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { keepAccess } from './keep-access.ts';
import { titleOf } from './object-view.ts';
import { requireMatch } from './preconditions.ts';
import { nameParam, objectNamed } from './read-objects.ts';

/** The description of each removal: its effect on running requests, and when it is refused. */
const REMOVAL: Record<ObjectKind, string> = {
  group: 'Refused (409) while a route, an app or an agent names it.',
  route: 'Later requests are matched against the other routes.',
  app: 'Its tokens end at once.',
  agent: 'Its tokens end at once.',
  admin: 'Its tokens end at once. An admin cannot remove itself (409).',
};

export function removeEndpoint(api: Api, kind: ObjectKind, { control }: ApiParts): void {
  const list = LIST_OF[kind];
  const route = createRoute({
    method: 'delete',
    path: `/v1/${list}/{name}`,
    tags: [list],
    operationId: `remove${titleOf(kind)}`,
    summary: `Remove ${oneOf(kind)}`,
    description: REMOVAL[kind],
    ...forRole(writerOf(kind)),
    request: { params: nameParam, query: dryRunQuery },
    responses: {
      204: { description: `The ${kind} is gone; with \`dryRun\`, could be removed` },
      ...guardedAnswers('not-found', 'conflict', 'stale'),
    },
  });
  api.openapi(route, async (c) => {
    const { name } = c.req.valid('param');
    await control.change({
      actor: actorOf(c),
      action: 'remove',
      dryRun: isDryRun(c),
      check: keepAccess(c.var.admin),
      edit: (state) => {
        requireMatch(c, objectNamed(state, kind, name).revision);
        return [{ kind, name, fields: undefined }];
      },
    });
    return c.body(null, 204);
  });
}
