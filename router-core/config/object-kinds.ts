import { groupSchema } from './group.ts';
import { adminSchema, agentSchema, appSchema } from './identities.ts';
import { routeSchema } from './route.ts';

/** The kinds of objects, in an order in which each refers only to earlier ones. */
export const OBJECT_KINDS = ['group', 'route', 'app', 'agent', 'admin'] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** The schema of each kind in requests and documents. */
export const OBJECT_SCHEMAS = {
  group: groupSchema,
  route: routeSchema,
  app: appSchema,
  agent: agentSchema,
  admin: adminSchema,
} as const satisfies Record<ObjectKind, unknown>;

/** The name of the list of each kind, in documents and in paths. */
export const LIST_OF = {
  group: 'groups',
  route: 'routes',
  app: 'apps',
  agent: 'agents',
  admin: 'admins',
} as const satisfies Record<ObjectKind, string>;

/** "a group", "an app": for sentences. */
export function oneOf(kind: ObjectKind): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}
