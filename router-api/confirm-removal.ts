import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import type { ObjectEdit } from '../router-core/config/config-edits.ts';
import { objectsOf, type ConfigState } from '../router-core/config/config-state.ts';
import { ApiProblem } from './problems.ts';

/** With fewer objects than this, the change is small enough to review as a whole. */
const FEWEST_OBJECTS = 4;
const MOST_NAMED = 20;

/** The objects that a document would remove. */
export interface Removal {
  /** Kind and name: `group gpu`. */
  readonly objects: readonly string[];
  /** The number of objects before the removal. */
  readonly of: number;
  /** True when nothing would be left. */
  readonly isAll: boolean;
}

export function removalOf(edits: readonly ObjectEdit[], state: ConfigState): Removal {
  const removed = edits.filter(({ fields }) => fields === undefined);
  return {
    objects: removed.map(({ kind, name }) => `${kind} ${name}`),
    of: OBJECT_KINDS.reduce((sum, kind) => sum + objectsOf(state, kind).size, 0),
    isAll: removed.length === edits.length,
  };
}

/** The number that must be given to confirm the removal; 0 when none is needed. */
export function toConfirm({ objects, of, isAll }: Removal): number {
  const isMost = of >= FEWEST_OBJECTS && objects.length > of / 2;
  return isAll || isMost ? objects.length : 0;
}

/**
 * Throws unless a removal of most objects was confirmed with their number. A truncated document, or one of another router,
 * would delete tokens that cannot be recovered.
 */
export function requireConfirmation(removal: Removal, yesDelete: number | undefined): void {
  const { objects, of } = removal;
  if (yesDelete === undefined ? toConfirm(removal) === 0 : yesDelete === objects.length) return;
  const named = objects.slice(0, MOST_NAMED).join(', ');
  const more = objects.length > MOST_NAMED ? ` and ${objects.length - MOST_NAMED} more` : '';
  const what = objects.length === 0 ? 'no object' : `${objects.length} of the ${of} objects: ${named}${more}`;
  const given = yesDelete === undefined ? '' : `, not ${yesDelete}`;
  throw new ApiProblem('unconfirmed', {
    detail: `This removes ${what}. To confirm it, pass yesDelete=${objects.length}${given}`,
  });
}
