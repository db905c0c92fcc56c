import { z } from 'zod';
import { description, milliseconds, objectName, scopeName } from './fields.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerName = z.string().regex(HEADER_NAME, 'expected a header name').max(256);
const headerValue = z
  .string()
  .regex(/^[\x20-\x7e\x80-\xff\t]*$/, 'expected a header value without control characters')
  .max(8_192);

/**
 * `/a/b` exact, `/a/*` a prefix (`/a` and everything below it), `~ ^/a/(\d+)$` a regular expression (RE2 syntax, matched
 * against the path without its query).
 */
export const routePath = z
  .string()
  .max(2_048)
  .regex(
    /^(?:~ ?\S.*|\/(?:[^?#*\s]*\/)?(?:\*|[^?#*\s]*))$/,
    'expected an exact path such as /a/b, a prefix such as /a/*, or a regular expression such as ~ ^/a/([0-9]+)$',
  );

/** `example.com` exact, `*.example.com` every name below it; without port, any case. */
export const routeHost = z
  .string()
  .max(255)
  .regex(
    /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/,
    'expected a host such as example.com or *.example.com, without a port',
  )
  .transform((host) => host.toLowerCase());

/** Fields that frame a message or belong to one hop (RFC 9110 §7.6.1): setting them by hand would corrupt requests. */
const FRAMING =
  /^(connection|keep-alive|proxy-connection|transfer-encoding|content-length|upgrade|te|trailer|host)$/i;

const settableHeader = headerName.refine((name) => !FRAMING.test(name), 'this header belongs to the connection');

const match = z.strictObject({
  host: routeHost.optional(),
  path: routePath.default('/*'),
  methods: z
    .array(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'expected a method such as GET'))
    .max(32)
    .default([])
    .meta({ description: 'Case-sensitive; none is every method' }),
  headers: z
    .array(
      z.strictObject({
        name: headerName,
        value: headerValue
          .optional()
          .meta({ description: 'Exact value; without value and pattern: present' }),
        pattern: z.string().max(1_024).optional().meta({ description: 'Regular expression, RE2 syntax' }),
      }),
    )
    .max(16)
    .default([])
    .meta({ description: 'All of them must match' }),
});

const target = z.strictObject({
  group: objectName,
  weight: z.int().min(0).max(1_000_000).default(1),
});

/** A rule that sends requests to a group. */
export const routeSchema = z
  .strictObject({
    name: objectName,
    description,
    priority: z
      .int()
      .min(-1_000_000)
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
      .regex(/^\/[^?#\s]*$/, 'expected a path that begins with /; $1 to $9 stand for what the pattern captured')
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
      .record(settableHeader, headerValue)
      .default({})
      .meta({ description: 'Request headers to set, replacing those of the client' }),
    removeHeaders: z.array(settableHeader).max(64).default([]),
    scope: scopeName
      .optional()
      .meta({ description: 'Only agents that carry this scope get the requests' }),
    auth: z.enum(['none', 'app']).default('none').meta({ description: 'app: an app token is required' }),
    timeouts: z
      .strictObject({
        firstByteMs: milliseconds(1).optional(),
        idleMs: milliseconds(1).optional(),
        totalMs: milliseconds(1).optional(),
      })
      .prefault({})
      .meta({ description: 'What differs from the group' }),
  })
  .superRefine((route, context) => {
    if (route.rewrite !== undefined && route.stripPrefix) {
      context.addIssue({ code: 'custom', path: ['stripPrefix'], message: 'rewrite and stripPrefix exclude each other' });
    }
    if (route.stripPrefix && !route.match.path.endsWith('/*')) {
      context.addIssue({ code: 'custom', path: ['stripPrefix'], message: 'only a prefix path such as /a/* has a prefix' });
    }
    if (!route.groups.some(({ weight }) => weight > 0)) {
      context.addIssue({ code: 'custom', path: ['groups'], message: 'at least one weight must be above 0' });
    }
  })
  .meta({ id: 'Route' });

export type Route = z.output<typeof routeSchema>;
