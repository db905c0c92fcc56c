import { isIdentity } from '../../config/config-edits.ts';
import { objectsOf } from '../../config/config-state.ts';
import { OBJECT_KINDS } from '../../config/object-kinds.ts';
import type { ConfigWrite } from '../config/config-writer.ts';

/** Ids of tokens that a write has ended. */
export function removedTokens({ before, after }: ConfigWrite): string[] {
  return OBJECT_KINDS.filter(isIdentity).flatMap((kind) => {
    const now = objectsOf(after, kind);
    return [...objectsOf(before, kind).values()].flatMap(({ name, tokens }) => {
      const kept = new Set(now.get(name)?.tokens.map(({ id }) => id));
      return tokens.map(({ id }) => id).filter((id) => !kept.has(id));
    });
  });
}

/** Groups that a token had access to which was ended before its time. */
export function groupsOfRemovedTokens({ before, after }: ConfigWrite): Set<string> {
  const groups = new Set<string>();
  for (const { name, group, tokens } of before.agents.values()) {
    const kept = new Set(after.agents.get(name)?.tokens.map(({ id }) => id));
    if (tokens.some(({ id }) => !kept.has(id))) groups.add(group);
  }
  return groups;
}
