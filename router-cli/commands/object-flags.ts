import { ROLES } from '../../router-core/config/identities.ts';
import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import {
  count,
  duration,
  flag,
  fromText,
  header,
  oneOf,
  parseDuration,
  size,
  type OptionType,
} from '../../router-core/runtime/options.ts';
import { anyText, expiry } from './flags.ts';

/** A flag that sets one field of an object. */
export interface FieldFlag {
  readonly flag: string;
  readonly about: string;
  /** Where its value goes. */
  readonly path: readonly string[];
  readonly type: OptionType<unknown>;
  /** It may be given several times; what else separates values, if anything does. */
  readonly list?: { readonly separator?: string };
}

const LIST = { separator: ',' };

const description: FieldFlag = {
  flag: '--description <text>',
  about: 'for people',
  path: ['description'],
  type: anyText(),
};

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

const timeouts: FieldFlag[] = [
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

/** `llama` or `llama=9`. */
const target = fromText('a group, or a group and its weight such as llama=9', (text) => {
  const [, name, weight] = /^([^=]+)(?:=(\d+))?$/.exec(text) ?? [];
  if (name === undefined) return undefined;
  return weight === undefined ? { group: name } : { group: name, weight: Number(weight) };
});

/** `X-A`, `X-A=value`, `X-A~pattern`. */
const headerCondition = fromText(
  'a header, or one with its value (Name=value) or pattern (Name~^v[0-9]+$)',
  (text) => {
    const [, name, how, rest] = /^([^=~]+)(?:([=~])(.*))?$/.exec(text) ?? [];
    if (name === undefined) return undefined;
    if (how === undefined) return { name };
    return how === '=' ? { name, value: rest } : { name, pattern: rest };
  },
);

/** `10/s`, `600/1m`. */
const rate = fromText('requests per time, such as 10/s or 600/1m', (text) => {
  const [, requests, per = ''] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  const perMs = parseDuration(/^\d/.test(per) ? per : `1${per}`);
  return requests === undefined || perMs === undefined ? undefined : { requests: Number(requests), perMs };
});

const route: FieldFlag[] = [
  {
    flag: '--to <group[=weight],…>',
    about: 'where requests go; several share them by weight',
    path: ['groups'],
    type: target,
    list: LIST,
  },
  {
    flag: '--path <path>',
    about: 'exact (/a/b), a prefix (/a/*), or a regular expression (~ ^/a/([0-9]+)$)',
    path: ['match', 'path'],
    type: anyText(),
  },
  { flag: '--host <host>', about: 'example.com or *.example.com', path: ['match', 'host'], type: anyText() },
  {
    flag: '--method <method,…>',
    about: 'only these',
    path: ['match', 'methods'],
    type: anyText(),
    list: LIST,
  },
  {
    flag: '--header <condition>',
    about: 'only with this header: Name, Name=value or Name~pattern; all of several',
    path: ['match', 'headers'],
    type: headerCondition,
    list: {},
  },
  {
    flag: '--priority <n>',
    about: 'higher goes first; among equals the most specific',
    path: ['priority'],
    type: fromText('a whole number', (text) => (/^-?\d{1,7}$/.test(text) ? Number(text) : undefined)),
  },
  {
    flag: '--strip-prefix [true|false]',
    about: 'without the prefix that matched',
    path: ['stripPrefix'],
    type: flag(),
  },
  {
    flag: '--rewrite <path>',
    about: 'the path that the upstream sees; $1 is what * matched',
    path: ['rewrite'],
    type: anyText(),
  },
  {
    flag: '--set-header <"Name: value">',
    about: 'set a request header',
    path: ['setHeaders'],
    type: header(),
    list: {},
  },
  {
    flag: '--remove-header <name,…>',
    about: 'remove request headers',
    path: ['removeHeaders'],
    type: anyText(),
    list: LIST,
  },
  {
    flag: '--scope <scope>',
    about: 'only agents that carry it get the requests',
    path: ['scope'],
    type: anyText(),
  },
  {
    flag: '--auth <none|app>',
    about: 'app: the token of an app is needed',
    path: ['auth'],
    type: oneOf(['none', 'app']),
  },
  ...timeouts,
  description,
];

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
    about: 'requests beyond the rate that a pause has saved up',
    path: ['rate', 'burst'],
    type: count({ from: 0 }),
  },
  concurrency('requests that may run or wait at once'),
  expires,
  description,
];

const agent: FieldFlag[] = [
  { flag: '--group <group>', about: 'whose requests it pulls', path: ['group'], type: anyText() },
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
  route,
  app,
  agent,
  admin,
};
