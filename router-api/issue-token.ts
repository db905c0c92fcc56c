import type { ObjectKind } from '../router-core/config/object-kinds.ts';
import { createToken, type StoredToken } from '../router-core/config/token.ts';
import { isIdentity } from '../router-core/config/config-edits.ts';

/** A token for a new object, if objects of this kind have tokens. */
export function issueToken(kind: ObjectKind): { token: string; stored: StoredToken } | undefined {
  return isIdentity(kind) ? createToken(kind, new Date().toISOString()) : undefined;
}
