import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configDocumentSchema } from '../../router-core/config/document.ts';
import { OBJECT_KINDS, OBJECT_SCHEMAS } from '../../router-core/config/object-kinds.ts';
import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import { STORED_SCHEMAS } from '../../router-core/config/stored.ts';
import { validationProblems } from '../../router-core/config/validation-problems.ts';

/** The least that makes an object of each kind. */
const LEAST = {
  group: { name: 'a' },
  route: { name: 'a', groups: [{ group: 'g' }] },
  app: { name: 'a' },
  agent: { name: 'a', group: 'g' },
  admin: { name: 'a', role: 'viewer' },
} as const satisfies Record<ObjectKind, object>;

function pathsRefused(kind: ObjectKind, fields: object): string[] {
  const result = OBJECT_SCHEMAS[kind].safeParse({ ...LEAST[kind], ...fields });
  return result.success ? [] : validationProblems(result.error).map(({ path }) => path);
}

describe('what is left out', () => {
  test('of a group has the documented defaults', () => {
    expect(OBJECT_SCHEMAS.group.parse(LEAST.group)).toEqual({
      name: 'a',
      description: '',
      paused: false,
      concurrency: 0,
      queue: { depth: 1_000, waitMs: 30_000 },
      timeouts: { firstByteMs: 120_000, idleMs: 60_000, totalMs: 3_600_000 },
      retry: { attempts: 2, unsafe: false },
      leaseMs: 6_000,
      maxBodyBytes: 104_857_600,
    });
  });

  test('of a part of a group has its default, too', () => {
    const { queue, retry } = OBJECT_SCHEMAS.group.parse({ name: 'a', queue: { depth: 5 }, retry: {} });
    expect({ queue, retry }).toEqual({
      queue: { depth: 5, waitMs: 30_000 },
      retry: { attempts: 2, unsafe: false },
    });
  });

  test('of a route is every request, unchanged, without a token', () => {
    expect(OBJECT_SCHEMAS.route.parse(LEAST.route)).toEqual({
      name: 'a',
      description: '',
      priority: 0,
      match: { path: '/*', methods: [], headers: [] },
      groups: [{ group: 'g', weight: 1 }],
      stripPrefix: false,
      setHeaders: {},
      removeHeaders: [],
      duplex: false,
      auth: 'none',
      timeouts: {},
      sse: {},
      cors: { origins: [], credentials: false },
    });
  });

  test('of identities is no limit, and no end', () => {
    expect(OBJECT_SCHEMAS.app.parse(LEAST.app)).toEqual({
      name: 'a',
      description: '',
      groups: [],
      concurrency: 0,
      rate: null,
      expiresAt: null,
      paused: false,
    });
    expect(OBJECT_SCHEMAS.app.parse({ name: 'a', rate: { requests: 5 } }).rate).toEqual({
      requests: 5,
      perMs: 1_000,
      burst: 0,
    });
    expect(OBJECT_SCHEMAS.agent.parse(LEAST.agent)).toEqual({
      name: 'a',
      description: '',
      group: 'g',
      scopes: [],
      concurrency: 0,
      expiresAt: null,
      paused: false,
      draining: false,
    });
    expect(OBJECT_SCHEMAS.admin.parse(LEAST.admin)).toEqual({
      name: 'a',
      description: '',
      role: 'viewer',
      expiresAt: null,
    });
  });
});

describe('bounds', () => {
  const BIG = 2 ** 31 - 1;
  test.each<[ObjectKind, string, (value: number) => object, least: number, most: number]>([
    ['group', 'concurrency', (concurrency) => ({ concurrency }), 0, 1_000_000],
    ['group', 'queue.depth', (depth) => ({ queue: { depth } }), 0, 1_000_000],
    ['group', 'queue.waitMs', (waitMs) => ({ queue: { waitMs } }), 0, BIG],
    ['group', 'timeouts.firstByteMs', (firstByteMs) => ({ timeouts: { firstByteMs } }), 1, BIG],
    ['group', 'timeouts.idleMs', (idleMs) => ({ timeouts: { idleMs } }), 1, BIG],
    ['group', 'timeouts.totalMs', (totalMs) => ({ timeouts: { totalMs } }), 1, BIG],
    ['group', 'retry.attempts', (attempts) => ({ retry: { attempts } }), 1, 100],
    ['group', 'leaseMs', (leaseMs) => ({ leaseMs }), 100, BIG],
    ['group', 'maxBodyBytes', (maxBodyBytes) => ({ maxBodyBytes }), 0, Number.MAX_SAFE_INTEGER],
    ['route', 'priority', (priority) => ({ priority }), -1_000_000, 1_000_000],
    ['route', 'timeouts.idleMs', (idleMs) => ({ timeouts: { idleMs } }), 1, BIG],
    ['app', 'concurrency', (concurrency) => ({ concurrency }), 0, 1_000_000],
    ['app', 'rate.requests', (requests) => ({ rate: { requests } }), 1, 1_000_000_000],
    ['app', 'rate.perMs', (perMs) => ({ rate: { requests: 1, perMs } }), 1, BIG],
    ['app', 'rate.burst', (burst) => ({ rate: { requests: 1, burst } }), 0, 1_000_000_000],
    ['agent', 'concurrency', (concurrency) => ({ concurrency }), 0, 1_000_000],
  ])('of %s %s belong to it, and what lies beyond does not', (kind, path, fields, least, most) => {
    for (const value of [least, most]) expect(pathsRefused(kind, fields(value))).toEqual([]);
    for (const value of [least - 1, most + 1, least + 0.5, NaN]) {
      const refused = pathsRefused(kind, fields(value));
      expect({ value, refused }).toEqual({ value, refused: expect.arrayContaining([path]) as string[] });
      expect(new Set(refused)).toEqual(new Set([path]));
    }
  });

  test.each(OBJECT_KINDS)('of the name of a %s are those of a name', (kind) => {
    for (const name of ['a', '7', 'A-b_c.9', 'x'.repeat(64)])
      expect(pathsRefused(kind, { name })).toEqual([]);
    for (const name of ['', '-a', '.a', '_a', 'a b', 'a{b', 'a:b', 'é', 'a\n', 'x'.repeat(65), 7, null]) {
      expect({ name, refused: pathsRefused(kind, { name }) }).toEqual({ name, refused: ['name'] });
    }
  });

  test.each(['app', 'agent', 'admin'] as const)('of the end of an %s are points in time, in UTC', (kind) => {
    for (const expiresAt of [null, '2027-01-31T12:00:00Z', '2027-01-31T12:00:00.123Z']) {
      expect(pathsRefused(kind, { expiresAt })).toEqual([]);
      if (expiresAt !== null) expect(Date.parse(expiresAt)).not.toBeNaN();
    }
    for (const expiresAt of [
      '',
      'soon',
      '2027-02-30T12:00:00Z',
      '2027-01-31',
      '2027-01-31T12:00:00+01:00',
      0,
    ]) {
      expect({ expiresAt, refused: pathsRefused(kind, { expiresAt }) }).toEqual({
        expiresAt,
        refused: ['expiresAt'],
      });
    }
  });

  test('of lists and texts hold, and a name is in a list once', () => {
    expect(pathsRefused('group', { description: 'x'.repeat(1_000) })).toEqual([]);
    expect(pathsRefused('group', { description: 'x'.repeat(1_001) })).toEqual(['description']);
    expect(pathsRefused('app', { groups: ['a', 'b', 'a'] })).toEqual(['groups[2]']);
    expect(pathsRefused('agent', { scopes: ['a', 'a', 'a'] })).toEqual(['scopes[1]', 'scopes[2]']);
    expect(pathsRefused('agent', { scopes: Array.from({ length: 17 }, (_each, i) => `s${i}`) })).toEqual([
      'scopes',
    ]);
    expect(pathsRefused('admin', { role: 'root' })).toEqual(['role']);
  });
});

describe('as JSON schema', () => {
  const schemas: [string, z.ZodType][] = [
    ...OBJECT_KINDS.map((kind): [string, z.ZodType] => [kind, OBJECT_SCHEMAS[kind]]),
    ...OBJECT_KINDS.map((kind): [string, z.ZodType] => [`stored ${kind}`, STORED_SCHEMAS[kind]]),
    ['document', configDocumentSchema],
  ];

  test.each(schemas)('a %s can be described as it is written and as it is read', (_what, schema) => {
    for (const io of ['input', 'output'] as const) {
      const text = JSON.stringify(z.toJSONSchema(schema, { io }));
      expect(text).toContain('"additionalProperties":false');
      // Validators of JSON schema compile patterns with the flag u, which refuses more.
      for (const [, pattern = '""'] of text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)) {
        const source = JSON.parse(pattern) as string;
        expect(() => new RegExp(source, 'u')).not.toThrow();
      }
    }
  });

  test('a document names the schemas of its objects, and what must be given of them', () => {
    const { $defs = {} } = z.toJSONSchema(z.strictObject({ document: configDocumentSchema }), {
      io: 'input',
    });
    const required = Object.entries($defs).map(([id, schema]) => [id, schema.required]);
    expect(Object.fromEntries(required)).toEqual({
      ConfigDocument: undefined,
      Group: ['name'],
      Route: ['name', 'groups'],
      App: ['name'],
      Agent: ['name', 'group'],
      Admin: ['name', 'role'],
    });
  });
});
