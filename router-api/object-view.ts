import { z } from 'zod';
import type { Role } from '../router-core/config/identities.ts';
import { OBJECT_SCHEMAS, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { MASK, type Route } from '../router-core/config/route.ts';
import type { StoredToken } from '../router-core/config/token.ts';
import { isIdentity, type AnyStored } from '../router-core/config/config-edits.ts';
import { withoutStoreFields } from '../router-core/config/config-state.ts';
import type { TokenUse } from '../router-core/redis/control/token-use.ts';

/** A JSON object. Its schema says which fields it has. */
export type Json = Record<string, unknown>;

const tokenViewSchema = z
  .object({
    id: z.string(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    lastUsedAt: z.string().nullable().meta({ description: 'Roughly when it was last used; null: never' }),
  })
  .meta({ id: 'TokenInfo', description: 'A token without its secret' });

const storeFields = {
  revision: z.int().meta({ description: 'Grows with every change of the object; also its ETag' }),
  createdAt: z.string(),
  updatedAt: z.string(),
};

/** The kind with a capital, as in names of schemas and operations. */
export const titleOf = (kind: ObjectKind) => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;

function extended(kind: ObjectKind, fields: z.core.$ZodLooseShape, id: string): z.ZodType<Json> {
  // The cast narrows to one kind: the compiler finds no common shape for all five.
  const schema = OBJECT_SCHEMAS[kind] as unknown as z.ZodObject;
  return schema.safeExtend(fields).meta({ id });
}

/** The schema of an object in responses. */
export function viewSchema(kind: ObjectKind): z.ZodType<Json> {
  const tokens = isIdentity(kind) ? { tokens: z.array(tokenViewSchema) } : {};
  return extended(kind, { ...storeFields, ...tokens }, `Stored${titleOf(kind)}`);
}

/** The same with the token that was just made. */
export function createdSchema(kind: ObjectKind): z.ZodType<Json> {
  if (!isIdentity(kind)) return viewSchema(kind);
  const token = z.string().meta({ description: 'The token itself: no other answer ever shows it again' });
  const warnings = kind === 'app' ? { warnings: warningsSchema } : {};
  const fields = { ...storeFields, tokens: z.array(tokenViewSchema), token, ...warnings };
  return extended(kind, fields, `Created${titleOf(kind)}`);
}

const ignored = z
  .unknown()
  .optional()
  .meta({ description: 'Ignored, so that the answer of GET can be sent back' });

/** A field of the answers to writes of apps. */
export const warningsSchema = z
  .array(z.string())
  .optional()
  .meta({ description: 'What was written and probably does not do what is meant; left out: nothing' });

/** The answer to a write: the object as it is then. */
export function writtenSchema(kind: ObjectKind): z.ZodType<Json> {
  if (kind !== 'app') return viewSchema(kind);
  const fields = { ...storeFields, tokens: z.array(tokenViewSchema), warnings: warningsSchema };
  return extended(kind, fields, 'ChangedApp');
}

/** The fields of a request without those that answers add. */
export function writtenFields(body: Readonly<Json>): Json {
  const { warnings: _, ...fields } = withoutStoreFields(body);
  return fields;
}

/** The schema of an object in requests: its fields, and those that GET adds, which are ignored. */
export function writeSchema(kind: ObjectKind): z.ZodType<Json> {
  const tokens = isIdentity(kind) ? { tokens: ignored } : {};
  const warnings = kind === 'app' ? { warnings: ignored } : {};
  const fields = { revision: ignored, createdAt: ignored, updatedAt: ignored, ...tokens, ...warnings };
  return extended(kind, fields, `Written${titleOf(kind)}`);
}

/** The objects as an admin with this role may see them. Rejects while Redis is away. */
export async function viewsOf(
  objects: readonly AnyStored[],
  { role, tokenUse }: { role: Role; tokenUse: TokenUse },
): Promise<Json[]> {
  const ids = objects.flatMap((object) => tokensOf(object).map(({ id }) => id));
  const lastUsed = await tokenUse.lastUsed(ids);
  return objects.map((object) => {
    const view: Json = { ...maskFor(role, object) };
    if ('tokens' in object) {
      view['tokens'] = object.tokens.map(({ id, createdAt, expiresAt }) => {
        return { id, createdAt, expiresAt, lastUsedAt: lastUsed.get(id) ?? null };
      });
    }
    return view;
  });
}

function tokensOf(object: AnyStored): readonly StoredToken[] {
  return 'tokens' in object ? object.tokens : [];
}

/** Header values that a route sets may be API keys of upstreams: only roles that may change them see them. */
export function maskFor<T extends object>(role: Role, object: T): T {
  if (role !== 'viewer' || !('setHeaders' in object)) return object;
  const names = Object.keys((object as unknown as Route).setHeaders);
  return { ...object, setHeaders: Object.fromEntries(names.map((name) => [name, MASK])) };
}
