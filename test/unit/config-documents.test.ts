import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { atOnce } from '../../router-core/config/steps.ts';
import { checkReferences } from '../../router-core/config/check-references.ts';
import { configDocumentSchema, FRESH_DOCUMENT } from '../../router-core/config/document.ts';
import { formatPath, validationProblems } from '../../router-core/config/validation-problems.ts';

const parse = (document: z.input<typeof configDocumentSchema>) => configDocumentSchema.parse(document);

function problems(document: unknown) {
  const result = configDocumentSchema.safeParse(document);
  return result.success ? [] : validationProblems(result.error);
}

describe('a document', () => {
  test('may leave out any list', () => {
    expect(parse({})).toEqual({ groups: [], routes: [], apps: [], agents: [], admins: [] });
  });

  test('of a fresh install sends every request to one group, and nobody can change it', () => {
    expect(FRESH_DOCUMENT.groups.map(({ name }) => name)).toEqual(['default']);
    expect(FRESH_DOCUMENT.routes).toMatchObject([
      { name: 'default', match: { path: '/*' }, groups: [{ group: 'default' }], auth: 'none' },
    ]);
    expect(parse(FRESH_DOCUMENT)).toEqual(FRESH_DOCUMENT);
    expect(atOnce(checkReferences(FRESH_DOCUMENT))).toEqual([]);
    expect(() => FRESH_DOCUMENT.routes[0]?.match.methods.push('GET')).toThrow(TypeError);
  });

  test('names an object once, and tells where it does not', () => {
    const document = {
      groups: [{ name: 'a' }, { name: 'b' }, { name: 'a' }],
      apps: [{ name: 'a' }, { name: 'A' }],
      admins: [
        { name: 'x', role: 'admin' },
        { name: 'x', role: 'viewer' },
      ],
    };
    expect(problems(document)).toEqual([
      { path: 'groups[2].name', message: 'there is another group named "a"' },
      { path: 'admins[1].name', message: 'there is another admin named "x"' },
    ]);
  });

  test('takes no tokens and no fields of the store', () => {
    const app = { name: 'a', tokens: [], revision: 1 };
    expect(problems({ apps: [app] })).toEqual([
      { path: 'apps[0].tokens', message: 'unknown field' },
      { path: 'apps[0].revision', message: 'unknown field' },
    ]);
  });
});

describe('problems', () => {
  test('name every unknown field with its whole path', () => {
    const document = {
      hubs: [],
      groups: [{ name: 'g', queue: { depht: 1, wait: 2 } }],
      routes: [{ name: 'r', foo: 1, 'x y': 1, groups: [{ group: 'g' }, { group: 'h', wieght: 1 }] }],
    };
    expect(
      problems(document)
        .map(({ path, message }) => `${path}: ${message}`)
        .sort(),
    ).toEqual([
      'groups[0].queue.depht: unknown field',
      'groups[0].queue.wait: unknown field',
      'hubs: unknown field',
      'routes[0].foo: unknown field',
      'routes[0].groups[1].wieght: unknown field',
      'routes[0]["x y"]: unknown field',
    ]);
  });

  test('name values by path and never repeat them', () => {
    const found = problems({ routes: [{ name: 'r', groups: 'hunter2', match: { path: 'hunter2' } }] });
    expect(found.map(({ path }) => path).sort()).toEqual(['routes[0].groups', 'routes[0].match.path']);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('of the whole have an empty path', () => {
    expect(problems([])).toMatchObject([{ path: '' }]);
  });

  test.each<[(string | number)[], string]>([
    [[], ''],
    [['a', 0, 'b', 1, 2], 'a[0].b[1][2]'],
    [[3, 'a'], '[3].a'],
    [['setHeaders', 'X-A_b'], 'setHeaders.X-A_b'],
    [['a', 'b.c', ''], 'a["b.c"][""]'],
    [['"'], '["\\""]'],
  ])('write the path %j as %s', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});

describe('references', () => {
  test('to groups that do not exist are named, whoever makes them', () => {
    const document = parse({
      groups: [{ name: 'a' }],
      routes: [
        { name: 'r', groups: [{ group: 'a' }] },
        { name: 's', match: { path: '/s' }, groups: [{ group: 'a' }, { group: 'b', weight: 0 }] },
      ],
      apps: [{ name: 'all' }, { name: 'p', groups: ['a', 'c'] }],
      agents: [
        { name: 'm', group: 'a' },
        { name: 'n', group: 'A' },
      ],
    });
    const message = (user: string, group: string) =>
      `the ${user} uses the group "${group}", which does not exist`;
    expect(atOnce(checkReferences(document))).toEqual([
      { path: ['routes', 1, 'groups', 1, 'group'], message: message('route "s"', 'b') },
      { path: ['apps', 1, 'groups', 1], message: message('app "p"', 'c') },
      { path: ['agents', 1, 'group'], message: message('agent "n"', 'A') },
    ]);
  });

  type Rule = NonNullable<z.input<typeof configDocumentSchema>['routes']>[number];
  const withRules = (one: Partial<Rule>, other: Partial<Rule>) =>
    atOnce(
      checkReferences(
        parse({
          groups: [{ name: 'g' }, { name: 'h' }],
          routes: [
            { name: 'one', groups: [{ group: 'g' }], ...one },
            { name: 'other', groups: [{ group: 'h' }], auth: 'app', ...other },
          ],
        }),
      ),
    );

  test.each<[what: string, one: Partial<Rule>, other: Partial<Rule>]>([
    ['everything', {}, { match: { path: '/*' } }],
    ['one path', { match: { path: '/a' } }, { match: { path: '/a' } }],
    ['one pattern', { match: { path: '~ ^/a' } }, { match: { path: '~^/a' } }],
    ['one host', { match: { host: 'A.test' } }, { match: { host: 'a.TEST' } }],
    ['one set of methods', { match: { methods: ['A', 'B'] } }, { match: { methods: ['B', 'A', 'B'] } }],
    [
      'one set of headers',
      { match: { headers: [{ name: 'X-A', value: '1' }, { name: 'B' }] } },
      { match: { headers: [{ name: 'b' }, { name: 'x-a', value: '1' }] } },
    ],
  ])('two routes for %s with one priority are refused', (_what, one, other) => {
    expect(withRules(one, other)).toEqual([
      {
        path: ['routes', 1, 'match'],
        message: 'the route "other" matches the same requests as the route "one", with the same priority',
      },
    ]);
  });

  test.each<[what: string, one: Partial<Rule>, other: Partial<Rule>]>([
    ['priority', { priority: 1 }, { priority: 2 }],
    ['path', { match: { path: '/a' } }, { match: { path: '/A' } }],
    ['kind of path', { match: { path: '/a' } }, { match: { path: '/a/*' } }],
    ['host', { match: { host: 'a.test' } }, { match: { host: '*.a.test' } }],
    ['host or none', { match: { host: 'a.test' } }, {}],
    ['method', { match: { methods: ['GET'] } }, { match: { methods: ['get'] } }],
    ['header', { match: { headers: [{ name: 'A' }] } }, { match: { headers: [{ name: 'B' }] } }],
    [
      'header value',
      { match: { headers: [{ name: 'A', value: 'x' }] } },
      { match: { headers: [{ name: 'A', pattern: 'x' }] } },
    ],
  ])('two routes that differ in %s may be', (_what, one, other) => {
    expect(withRules(one, other)).toEqual([]);
  });
});
