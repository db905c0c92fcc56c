import { z } from 'zod';
import { corsSchema } from './cors.ts';
import { description, milliseconds, objectName, repeatedAt, scopeName } from './fields.ts';

export const LOWEST_PRIORITY = -1_000_000;

const headerName = z
  .string()
  .max(256)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected a header name');
const headerValue = z
  .string()
  .regex(/^[\x20-\x7e\x80-\xff\t]*$/, 'expected a header value without control characters')
  .max(8_192);

/**
 * `/a/b` exact, `/a/*` a prefix (`/a` and everything below it), `~ ^/a/(\d+)$` a regular expression (RE2 syntax, matched
 * against the path without its query). The first two are ASCII without blanks, ? # and *: hubs refuse other targets, so other
 * characters have to be percent-encoded to match.
 */
export const routePath = z
  .string()
  .max(2_048)
  .regex(
    /^(?:~ ?\S.*|\/(?:\*|[!"$-)+->@-~]*(?:\/\*)?))$/,
    'expected an exact path such as /a/b, a prefix such as /a/*, or a regular expression such as ~ ^/a/([0-9]+)$',
  )
  .meta({ example: '/v1/*' });

/** True for a prefix. A regular expression may end in the same two characters. */
export function isPrefixPath(path: string): boolean {
  return path.startsWith('/') && path.endsWith('/*');
}

/** `example.com` exact, `*.example.com` every name below it; without port, any case. */
export const routeHost = z
  .string()
  .max(255)
  .regex(
    /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/,
    'expected a host such as example.com or *.example.com, without a port',
  )
  .toLowerCase()
  .meta({ example: '*.example.com' });

/**
 * Fields that frame a message or belong to one hop (RFC 9110 §7.6.1): setting them by hand would corrupt requests. The hub
 * answers Expect itself.
 */
const FRAMING =
  /^(connection|keep-alive|proxy-connection|transfer-encoding|content-length|upgrade|te|trailer|host|expect)$/i;

const settableHeader = headerName.refine(
  (name) => !FRAMING.test(name),
  'this header belongs to the connection',
);

/**
 * `setHeaders` is a record, and JavaScript objects inherit these names: code that copies the record may read the wrong value.
 */
const INHERITED = /^(__proto__|constructor|prototype)$/;
const setHeaderName = settableHeader.refine(
  (name) => !INHERITED.test(name),
  'this name means something else in JavaScript: no header of this name can be set',
);
const MAX_SET_HEADERS = 64;

const headerCondition = z
  .strictObject({
    name: headerName,
    value: headerValue.optional().meta({ description: 'Exact value; without value and pattern: present' }),
    pattern: z.string().max(1_024).optional().meta({ description: 'Regular expression, RE2 syntax' }),
  })
  .refine(({ value, pattern }) => value === undefined || pattern === undefined, {
    path: ['pattern'],
    message: 'value and pattern exclude each other',
  });

const match = z.strictObject({
  host: routeHost.optional(),
  path: routePath.default('/*'),
  methods: z
    .array(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'expected a method such as GET'))
    .max(32)
    .default([])
    .meta({ description: 'Case-sensitive; none is every method' }),
  headers: z.array(headerCondition).max(16).default([]).meta({ description: 'All of them must match' }),
});

const target = z.strictObject({
  group: objectName,
  weight: z.int().min(0).max(1_000_000).default(1),
});

const routeFields = z.strictObject({
  name: objectName,
  description,
  priority: z
    .int()
    .min(LOWEST_PRIORITY)
    .max(1_000_000)
    .default(0)
    .meta({ description: 'Higher goes first; among equals the most specific' }),
  match: match.prefault({}),
  groups: z
    .array(target)
    .min(1)
    .max(16)
    .meta({ description: 'Where to; several share the requests by their weights' }),
  rewrite: z
    .string()
    .max(2_048)
    .regex(
      /^\/[!"$->@-~]*$/,
      'expected a path that begins with /; $1 to $9 stand for what the pattern captured',
    )
    .optional()
    .meta({
      description:
        'The path that the upstream sees; $1 is what * matched, or the first group of a regular expression. The query stays',
    }),
  stripPrefix: z
    .boolean()
    .default(false)
    .meta({ description: 'The path without the prefix that the route matched' }),
  setHeaders: z
    .record(setHeaderName, headerValue)
    .default({})
    .meta({ description: 'Request headers to set, replacing those of the client' }),
  removeHeaders: z.array(settableHeader).max(64).default([]),
  scope: scopeName.optional().meta({ description: 'Only agents that carry this scope get the requests' }),
  auth: z.enum(['none', 'app']).default('none').meta({ description: 'app: an app token is required' }),
  duplex: z.boolean().default(false).meta({
    description:
      'The upstream may answer before the request body is there: the request takes its slot at once, and --min-body-rate does not count',
  }),
  timeouts: z
    .strictObject({
      firstByteMs: milliseconds(1).optional(),
      idleMs: milliseconds(1).optional(),
      totalMs: milliseconds(1).optional(),
    })
    .prefault({})
    .meta({ description: 'What differs from the group' }),
  sse: z
    .strictObject({
      heartbeatMs: milliseconds(100).optional().meta({
        description: 'A comment is sent into an event stream that was silent for so long',
      }),
    })
    .prefault({}),
  cors: corsSchema,
});

/** Checks that involve several fields. */
function checkRouteFields(route: z.output<typeof routeFields>, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });

  if (route.rewrite !== undefined && route.stripPrefix) {
    refuse(['stripPrefix'], 'rewrite and stripPrefix exclude each other');
  }
  if (route.stripPrefix && !isPrefixPath(route.match.path)) {
    refuse(['stripPrefix'], 'only a prefix path such as /a/* has a prefix');
  }
  for (const i of repeatedAt(route.groups.map(({ group }) => group))) {
    refuse(['groups', i, 'group'], 'this group is there twice: give it one weight');
  }
  if (route.groups.length > 0 && route.groups.every(({ weight }) => weight === 0)) {
    refuse(['groups'], 'at least one weight must be above 0');
  }

  const set = Object.keys(route.setHeaders);
  if (set.length > MAX_SET_HEADERS) refuse(['setHeaders'], `at most ${MAX_SET_HEADERS} headers can be set`);
  for (const i of repeatedAt(set.map((name) => name.toLowerCase()))) {
    refuse(['setHeaders', set[i] ?? i], 'this header is set twice: case makes no difference');
  }
  for (const name of set.filter((each) => route.setHeaders[each] === MASK)) {
    refuse(
      ['setHeaders', name],
      `${MASK} stands for a value that its reader may not see: give the value itself`,
    );
  }
  const removed = new Set(route.removeHeaders.map((name) => name.toLowerCase()));
  for (const name of set.filter((each) => removed.has(each.toLowerCase()))) {
    refuse(['setHeaders', name], 'this header is set and removed: setting replaces what the client sent');
  }
}

/** Replaces the values of `setHeaders`, which may be keys, for roles that may not see them. Never stored. */
export const MASK = '***';

/** A rule that sends requests to a group. */
export const routeSchema = routeFields.superRefine(checkRouteFields).meta({ id: 'Route' });

export type Route = z.output<typeof routeSchema>;
