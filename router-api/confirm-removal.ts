import { OBJECT_KINDS } from '../router-core/config/object-kinds.ts';
import type { ObjectEdit } from '../router-core/config/config-edits.ts';
import { objectsOf, type ConfigState } from '../router-core/config/config-state.ts';
import { ApiProblem } from './problems.ts';

/** A document of fewer objects is small enough to be seen as a whole. */
const FEWEST_OBJECTS = 4;
const MOST_NAMED = 20;

/** The objects that a document removes. */
export interface Removal {
  /** `group gpu`, … */
  readonly objects: readonly string[];
  /** Objects that there are now. */
  readonly of: number;
  /** Nothing is left then. */
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

/** The number of objects that somebody has to say before they are removed; 0 when it is nothing out of the ordinary. */
export function toConfirm({ objects, of, isAll }: Removal): number {
  const isMost = of >= FEWEST_OBJECTS && objects.length > of / 2;
  return isAll || isMost ? objects.length : 0;
}

/**
 * Throws unless a removal of most objects was confirmed with their number: a document that was cut off, or is of another
 * router, would take tokens with it that cannot be had back.
 */
export function requireConfirmation(removal: Removal, yesDelete: number | undefined): void {
  const { objects, of } = removal;
  if (yesDelete === undefined ? toConfirm(removal) === 0 : yesDelete === objects.length) return;
  const named = objects.slice(0, MOST_NAMED).join(', ');
  const more = objects.length > MOST_NAMED ? ` and ${objects.length - MOST_NAMED} more` : '';
  const what = objects.length === 0 ? 'no object' : `${objects.length} of the ${of} objects: ${named}${more}`;
  const given = yesDelete === undefined ? '' : `, not ${yesDelete}`;
  throw new ApiProblem('unconfirmed', {
    detail: `This removes ${what}. If that is what you want, say yesDelete=${objects.length}${given}`,
  });
}
