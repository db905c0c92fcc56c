import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import type { ConfigState } from '../router-core/config/config-state.ts';
import type { Admin } from './admin-directory.ts';

/** Checks every change: admins must not take away their own right to undo it. */
export function keepAccess({ name, role, isRoot }: Admin): (after: ConfigState) => void {
  return (after) => {
    if (isRoot || role !== 'admin') return;
    const own = after.admins.get(name);
    const now = Date.now();
    const isOver = (expiresAt: string | null) => expiresAt !== null && Date.parse(expiresAt) <= now;
    const keeps =
      own?.role === 'admin' &&
      !isOver(own.expiresAt) &&
      own.tokens.some(({ expiresAt }) => !isOver(expiresAt));
    if (keeps) return;
    throw new ConfigRefusal('conflict', 'That would lock you out yourself: let another admin do it');
  };
}
