import type { ObjectKind } from '../router-core/config/object-kinds.ts';
import { createToken, type StoredToken } from '../router-core/config/token.ts';
import { isIdentity } from '../router-core/config/config-edits.ts';

/** A token of its own for a new object of this kind, if it is one that has tokens. */
export function issueToken(kind: ObjectKind): { token: string; stored: StoredToken } | undefined {
  return isIdentity(kind) ? createToken(kind, new Date().toISOString()) : undefined;
}
