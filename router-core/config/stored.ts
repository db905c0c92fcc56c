import { z } from 'zod';
import { isoTime, objectName, revision } from './fields.ts';
import { groupSchema } from './group.ts';
import { adminSchema, agentSchema, appSchema } from './identities.ts';
import type { ObjectKind } from './object-kinds.ts';
import { routeSchema } from './route.ts';
import { storedTokenSchema } from './token.ts';
import { validationProblems } from './validation-problems.ts';

/** The fields that the store adds. They have no defaults: an object without them was not written by the store. */
const storeFields = { revision, createdAt: isoTime, updatedAt: isoTime };

/** The tokens of an identity: the current one, and those that a rotation has left to expire. */
const identityFields = { ...storeFields, tokens: z.array(storedTokenSchema) };

/** The stored form of each kind. */
export const STORED_SCHEMAS = {
  group: groupSchema.safeExtend(storeFields),
  route: routeSchema.safeExtend(storeFields),
  app: appSchema.safeExtend(identityFields),
  agent: agentSchema.safeExtend(identityFields),
  admin: adminSchema.safeExtend(identityFields),
} as const satisfies Record<ObjectKind, z.ZodType>;

export type StoredApp = z.output<(typeof STORED_SCHEMAS)['app']>;
/** True when each request of the app must be counted. */
export function hasLimits({ concurrency, rate }: StoredApp): boolean {
  return concurrency > 0 || rate !== null;
}

export type StoredAgent = z.output<(typeof STORED_SCHEMAS)['agent']>;

export type StoredAdmin = z.output<(typeof STORED_SCHEMAS)['admin']>;

/** The type of stored objects, by kind. */
export type StoredObject<K extends ObjectKind> = z.output<(typeof STORED_SCHEMAS)[K]>;

/**
 * Parses a stored object. Several versions of the router share a store during an upgrade: fields that only a newer version
 * knows are dropped, at any depth, and fields that an older version did not write get their defaults. Throws an Error that
 * names the problem and its path for anything else, without any value: it may be a secret.
 */
export function parseStored<K extends ObjectKind>(kind: K, json: string): StoredObject<K> {
  const value = fromJson(kind, json);
  for (;;) {
    const result = STORED_SCHEMAS[kind].safeParse(value);
    if (result.success) return result.data as StoredObject<K>;
    if (!dropUnknownFields(value, result.error)) throw unreadable(kind, value, result.error);
  }
}

function fromJson(kind: ObjectKind, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // Without the cause: the parser's message quotes the text.
    throw new Error(`A stored ${kind} cannot be read: it is not JSON`);
  }
}

/** True when there were any. Each such call has removed a field, so a loop over it ends. */
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
