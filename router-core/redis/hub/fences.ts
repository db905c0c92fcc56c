import type { Frame } from '../../exchange/frames.ts';
import type { Moved } from '../../exchange/hub-exchange.ts';

/** Another relay goes on with the attempt, as the next one, which does not count. */
export interface Continued {
  readonly owner: string;
  readonly place: string;
  /** A frame exists in either direction. */
  readonly begun: boolean;
}

const CONTINUED = /^continued\n\d{1,15} ([\w.-]{1,200}) (\d[\w.+-]*) (\d{1,20}-\d{1,20}) (begun|fresh)$/;

/** Reads the fence that adopt.lua writes. Undefined for any other. */
export function continuedOf({ failed = '' }: Frame): Continued | undefined {
  const [, owner, lane, entry, begun] = CONTINUED.exec(failed) ?? [];
  if (owner === undefined) return undefined;
  return { owner, place: `${lane} ${entry}`, begun: begun === 'begun' };
}

/** Any other fence that stops: the request is in line again, or comes back. */
export function movedOf({ failed, body }: Frame): Moved {
  // Older versions do not say why.
  const [why = 'lost', detail] = failed?.split('\n') ?? [];
  const isUnseen = (why === 'unstarted' || why === 'unreachable') && detail !== undefined;
  return { unseen: isUnseen ? why : undefined, why, detail, returned: body };
}
