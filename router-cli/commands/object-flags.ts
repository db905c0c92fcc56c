import { ROLES } from '../../router-core/config/identities.ts';
import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import {
  count,
  duration,
  flag,
  fromText,
  oneOf,
  parseDuration,
  size,
} from '../../router-core/runtime/options.ts';
import { description, LIST, timeouts, type FieldFlag } from './field-flag.ts';
import { anyText, expiry } from './flags.ts';
import { routeFlags } from './route-flags.ts';

const expires: FieldFlag = {
  flag: '--expires <when>',
  about: 'when it ends: 12h, 90d, 1y, a time, or never',
  path: ['expiresAt'],
  type: expiry(),
};

const concurrency = (about: string): FieldFlag => ({
  flag: '--concurrency <n>',
  about: `${about}; 0 is no limit`,
  path: ['concurrency'],
  type: count({ from: 0 }),
});

const group: FieldFlag[] = [
  concurrency('requests at once, over all hubs and agents'),
  {
    flag: '--queue-depth <n>',
    about: 'requests that may wait for a slot',
    path: ['queue', 'depth'],
    type: count({ from: 0 }),
  },
  {
    flag: '--queue-wait <duration>',
    about: 'how long a request may wait; 0 refuses when no slot is free',
    path: ['queue', 'waitMs'],
    type: duration(),
  },
  ...timeouts,
  {
    flag: '--attempts <n>',
    about: 'how often a request that is safe to repeat may be handed to an agent',
    path: ['retry', 'attempts'],
    type: count({ from: 1 }),
  },
  {
    flag: '--retry-unsafe [true|false]',
    about: 'repeat requests whose method is not idempotent, too',
    path: ['retry', 'unsafe'],
    type: flag(),
  },
  {
    flag: '--lease <duration>',
    about: 'how long an agent that has gone silent keeps its requests',
    path: ['leaseMs'],
    type: duration({ atLeastMs: 100 }),
  },
  {
    flag: '--max-body <size>',
    about: 'largest request body; 0 is unlimited',
    path: ['maxBodyBytes'],
    type: size(),
  },
  description,
];

/** `10/s`, `600/1m`. */
const rate = fromText('requests per time, such as 10/s or 600/1m', (text) => {
  const [, requests, per = ''] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  const perMs = parseDuration(/^\d/.test(per) ? per : `1${per}`);
  return requests === undefined || perMs === undefined ? undefined : { requests: Number(requests), perMs };
});

const app: FieldFlag[] = [
  {
    flag: '--group <group,…>',
    about: 'groups it may use; none is all of them',
    path: ['groups'],
    type: anyText(),
    list: LIST,
  },
  { flag: '--rate <n/time>', about: 'requests per time: 10/s, 600/1m', path: ['rate'], type: rate },
  {
    flag: '--burst <n>',
    about: 'requests above the rate that may come at once after a pause',
    path: ['rate', 'burst'],
    type: count({ from: 0 }),
  },
  concurrency('requests that may run or wait at once'),
  expires,
  description,
];

const agent: FieldFlag[] = [
  {
    flag: '--group <group>',
    about: 'whose requests it pulls',
    path: ['group'],
    type: anyText(),
    required: true,
  },
  concurrency('slots of all its instances together'),
  {
    flag: '--scope <scope,…>',
    about: 'requests that ask for one of these may go to it',
    path: ['scopes'],
    type: anyText(),
    list: LIST,
  },
  expires,
  description,
];

const admin: FieldFlag[] = [
  {
    flag: `--role <${ROLES.join('|')}>`,
    about: 'viewer reads, operator changes and acts, admin also manages admins',
    path: ['role'],
    type: oneOf(ROLES),
  },
  expires,
  description,
];

export const FIELD_FLAGS: Readonly<Record<ObjectKind, readonly FieldFlag[]>> = {
  group,
  route: routeFlags,
  app,
  agent,
  admin,
};
