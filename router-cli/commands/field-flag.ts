import { duration, type OptionType } from '../../router-core/runtime/options.ts';
import { anyText } from './flags.ts';

/** A flag that sets one field of an object. */
export interface FieldFlag {
  readonly flag: string;
  readonly about: string;
  /** Where its value goes. */
  readonly path: readonly string[];
  readonly type: OptionType<unknown>;
  /** A new object needs it. */
  readonly required?: boolean;
  /** It may be given several times; what else separates values, if anything does. */
  readonly list?: { readonly separator?: string };
}

export const LIST = { separator: ',' };

export const description: FieldFlag = {
  flag: '--description <text>',
  about: 'for people',
  path: ['description'],
  type: anyText(),
};

/** Of groups, and of routes where they differ. */
export const timeouts: FieldFlag[] = [
  {
    flag: '--first-byte-timeout <duration>',
    about: 'from the hand-over to the head of the reply',
    path: ['timeouts', 'firstByteMs'],
    type: duration({ atLeastMs: 1 }),
  },
  {
    flag: '--idle-timeout <duration>',
    about: 'the longest pause within a body',
    path: ['timeouts', 'idleMs'],
    type: duration({ atLeastMs: 1 }),
  },
  {
    flag: '--total-timeout <duration>',
    about: 'from the head of a request to the last byte of its reply',
    path: ['timeouts', 'totalMs'],
    type: duration({ atLeastMs: 1 }),
  },
];
