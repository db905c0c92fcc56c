import { duration, type OptionType } from '../../router-core/runtime/options.ts';
import { anyText } from './flags.ts';

/** A flag that sets one field of an object. */
export interface FieldFlag {
  readonly flag: string;
  readonly about: string;
  /** The path of the field. */
  readonly path: readonly string[];
  readonly type: OptionType<unknown>;
  /** True when a new object needs it. */
  readonly required?: boolean;
  /** The flag may be given several times; `separator` separates several values in one. */
  readonly list?: { readonly separator?: string };
}

export const LIST = { separator: ',' };

export const description: FieldFlag = {
  flag: '--description <text>',
  about: 'for people',
  path: ['description'],
  type: anyText(),
};

/** Timeouts of groups, and of routes that differ from their group. */
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
