import { z } from 'zod';
import { isoTime, objectName, revision } from './fields.ts';
import { groupSchema } from './group.ts';
import { adminSchema, agentSchema, appSchema } from './identities.ts';
import type { ObjectKind } from './object-kinds.ts';
import { routeSchema } from './route.ts';
import { storedTokenSchema } from './token.ts';
import { validationProblems } from './validation-problems.ts';

/** What the store adds to what people write. No defaults: an object without them was not written by the store. */
const storeFields = { revision, createdAt: isoTime, updatedAt: isoTime };

/** Of what has tokens; the current one and those that a rotation has left to expire. */
const identityFields = { ...storeFields, tokens: z.array(storedTokenSchema) };

/** What the store holds of each kind. */
export const STORED_SCHEMAS = {
  group: groupSchema.safeExtend(storeFields),
  route: routeSchema.safeExtend(storeFields),
  app: appSchema.safeExtend(identityFields),
  agent: agentSchema.safeExtend(identityFields),
  admin: adminSchema.safeExtend(identityFields),
} as const satisfies Record<ObjectKind, z.ZodType>;

export type StoredApp = z.output<(typeof STORED_SCHEMAS)['app']>;
/** Whether each of its requests must be counted. */
export function hasLimits({ concurrency, rate }: StoredApp): boolean {
  return concurrency > 0 || rate !== null;
}

export type StoredAgent = z.output<(typeof STORED_SCHEMAS)['agent']>;

export type StoredAdmin = z.output<(typeof STORED_SCHEMAS)['admin']>;

/** The type of what the store holds, by kind. */
export type StoredObject<K extends ObjectKind> = z.output<(typeof STORED_SCHEMAS)[K]>;

/**
 * An object of the store, from its JSON. Versions of the router share a store while they are being replaced: fields that
 * only a newer one knows are dropped, at any depth, and those that an older one did not know get their defaults.
 * Anything else throws an Error that says what is wrong where, without any value: it may be a secret.
 */
export function parseStored<K extends ObjectKind>(kind: K, json: string): StoredObject<K> {
  const value = parseJson(kind, json);
  for (;;) {
    const result = STORED_SCHEMAS[kind].safeParse(value);
    if (result.success) return result.data as StoredObject<K>;
    if (!dropUnknownFields(value, result.error)) throw unreadable(kind, value, result.error);
  }
}

function parseJson(kind: ObjectKind, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // Not passed on as the cause: the parser's message quotes the text.
    throw new Error(`A stored ${kind} cannot be read: it is not JSON`);
  }
}

/** Whether there were any. Each call that says yes has removed something, so a caller may loop. */
function dropUnknownFields(value: unknown, error: z.ZodError): boolean {
  const unknown = error.issues.filter((issue) => issue.code === 'unrecognized_keys');
  for (const { path, keys } of unknown) {
    const owner = path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown>)[part], value);
    for (const key of keys) delete (owner as Record<string, unknown>)[key];
  }
  return unknown.length > 0;
}

function unreadable(kind: ObjectKind, value: unknown, error: z.ZodError): Error {
  const named = z.looseObject({ name: objectName }).safeParse(value);
  const which = named.success ? `The stored ${kind} "${named.data.name}"` : `A stored ${kind}`;
  const [first] = validationProblems(error);
  return new Error(`${which} cannot be read: ${first?.path || 'the whole'}: ${first?.message}`);
}
