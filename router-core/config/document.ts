import { z } from 'zod';
import { repeatedAt } from './fields.ts';
import { groupSchema } from './group.ts';
import { adminSchema, agentSchema, appSchema } from './identities.ts';
import { LIST_OF, OBJECT_KINDS } from './object-kinds.ts';
import { LOWEST_PRIORITY, routeSchema } from './route.ts';

/**
 * The whole configuration except tokens, for export, version control and apply. The order of a list has no meaning: objects
 * are identified by name.
 */
export const configDocumentSchema = z
  .strictObject({
    groups: z.array(groupSchema).default([]),
    routes: z.array(routeSchema).default([]),
    apps: z.array(appSchema).default([]),
    agents: z.array(agentSchema).default([]),
    admins: z.array(adminSchema).default([]),
  })
  .superRefine((document, context) => {
    for (const { path, message } of repeatsIn(document)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  })
  .meta({ id: 'ConfigDocument', description: 'The whole configuration without tokens' });

interface Named {
  readonly name: string;
}

export type ConfigDocument = z.output<typeof configDocumentSchema>;

interface Repeat {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Objects whose name another one of their kind has. */
export function repeatsIn(document: Readonly<Record<keyof ConfigDocument, readonly Named[]>>): Repeat[] {
  return OBJECT_KINDS.flatMap((kind) => {
    const names = document[LIST_OF[kind]].map(({ name }) => name);
    return repeatedAt(names).map((i) => ({
      path: [LIST_OF[kind], i, 'name'],
      message: `there is another ${kind} named "${names[i]}"`,
    }));
  });
}

/**
 * The configuration of a fresh install: requests that no other route matches go to one group. The first write stores it. It
 * must not take requests from the routes of hubs' flags, hence the lowest priority. Frozen, because all callers share it.
 */
export const FRESH_DOCUMENT: ConfigDocument = deepFreeze(
  configDocumentSchema.parse({
    groups: [{ name: 'default' }],
    routes: [
      { name: 'default', priority: LOWEST_PRIORITY, match: { path: '/*' }, groups: [{ group: 'default' }] },
    ],
  }),
);

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
