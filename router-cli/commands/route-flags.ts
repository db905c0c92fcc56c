import { duration, flag, fromText, header, oneOf } from '../../router-core/runtime/options.ts';
import { description, LIST, timeouts, type FieldFlag } from './field-flag.ts';
import { anyText } from './flags.ts';

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

/** The groups of a route, and its changes to requests. */
export const routeFlags: FieldFlag[] = [
  {
    flag: '--to <group[=weight],…>',
    about: 'where requests go; several share them by weight',
    path: ['groups'],
    type: target,
    required: true,
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
    about: 'remove the prefix that matched',
    path: ['stripPrefix'],
    type: flag(),
  },
  {
    flag: '--duplex [true|false]',
    about: 'the upstream may answer before the request body is there',
    path: ['duplex'],
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
    about: 'only agents with this scope get the requests',
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
  {
    flag: '--sse-heartbeat <duration>',
    about: 'send a comment into an event stream that was silent for so long',
    path: ['sse', 'heartbeatMs'],
    type: duration({ atLeastMs: 100 }),
  },
  {
    flag: '--cors-origin <origin,…>',
    about: 'browser apps of these origins may use it, such as https://app.example.com; * is any',
    path: ['cors', 'origins'],
    type: anyText(),
    list: LIST,
  },
  {
    flag: '--cors-credentials [true|false]',
    about: 'their requests may carry cookies; not with *',
    path: ['cors', 'credentials'],
    type: flag(),
  },
  description,
];
