import { describe, expect, test } from 'vitest';
import { routeSchema } from '../../router-core/config/route.ts';
import { validationProblems } from '../../router-core/config/validation-problems.ts';

function problems(fields: object) {
  const result = routeSchema.safeParse({ name: 'r', groups: [{ group: 'g' }], ...fields });
  return result.success ? [] : validationProblems(result.error);
}

const paths = (fields: object) => problems(fields).map(({ path }) => path);

describe('the path of a route', () => {
  test.each([
    ...['/', '/*', '/a', '/a/', '/a/*', '/a/b', '//', '//*', '/a//b/*', '/%2F;x=1', "/!$&'()+,-.:=@_~"],
    ...['~ ^/a/([0-9]+)$', '~^/a', '~ .', '~ /a/*'],
  ])('may be %s', (path) => {
    expect(problems({ match: { path } })).toEqual([]);
  });

  test.each([
    ...['', 'a', '*', 'a/*', '/a*', '/a/*/b', '/a/**', '/*/*', '/a?b', '/a#b', '/a b', '/a\n', '/caf\xe9'],
    ...['~', '~ ', '~  x', '~ a\nb', 'https://h/a'],
  ])('is not %j', (path) => {
    expect(new Set(paths({ match: { path } }))).toEqual(new Set(['match.path']));
  });

  test('is refused at once however long and winding it is', () => {
    const start = performance.now();
    for (const path of [`${'/'.repeat(1_000_000)}?`, `${'/a'.repeat(500_000)}*`]) {
      expect(paths({ match: { path } })).toContain('match.path');
    }
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

test('a path and a host are as long as they may be, and not longer', () => {
  expect(problems({ match: { path: `/${'x'.repeat(2_047)}`, host: 'x'.repeat(255) } })).toEqual([]);
  const tooLong = { path: `/${'x'.repeat(2_048)}`, host: 'x'.repeat(256) };
  expect(paths({ match: tooLong }).sort()).toEqual(['match.host', 'match.path']);
});

describe('the host of a route', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['*.Example.com', '*.example.com'],
    ['localhost', 'localhost'],
    ['10.0.0.1', '10.0.0.1'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
    ['a_b.test', 'a_b.test'],
  ])('%s is taken as %s', (host, taken) => {
    expect(routeSchema.parse({ name: 'r', groups: [{ group: 'g' }], match: { host } }).match.host).toBe(
      taken,
    );
  });

  test.each([
    '',
    '*',
    '*.',
    'a:80',
    '*a.test',
    'a.*',
    'a.*.test',
    '-a',
    'a/b',
    'a b',
    '::1',
    'x'.repeat(256),
  ])('is not %j', (host) => {
    expect(new Set(paths({ match: { host } }))).toEqual(new Set(['match.host']));
  });
});

describe('a route is refused when', () => {
  test.each<[what: string, fields: object, path: string, message: RegExp]>([
    [
      'it both rewrites and strips',
      { rewrite: '/b', stripPrefix: true },
      'stripPrefix',
      /exclude each other/,
    ],
    [
      'it strips what is no prefix',
      { match: { path: '/a' }, stripPrefix: true },
      'stripPrefix',
      /only a prefix/,
    ],
    [
      'it strips a pattern',
      { match: { path: '~ ^/a/*' }, stripPrefix: true },
      'stripPrefix',
      /only a prefix/,
    ],
    ['all weights are 0', { groups: [{ group: 'g', weight: 0 }] }, 'groups', /above 0/],
    ['it goes nowhere', { groups: [] }, 'groups', /Too small/],
    ['a group is there twice', { groups: [{ group: 'g' }, { group: 'g' }] }, 'groups[1].group', /twice/],
    ['a weight is below 0', { groups: [{ group: 'g', weight: -1 }] }, 'groups[0].weight', /Too small/],
    [
      'it sets what frames a message',
      { setHeaders: { hOst: 'a' } },
      'setHeaders.hOst',
      /belongs to the conn/,
    ],
    [
      'it sets Expect',
      { setHeaders: { Expect: '100-continue' } },
      'setHeaders.Expect',
      /belongs to the conn/,
    ],
    ['it sets what is no header', { setHeaders: { 'a b': '' } }, 'setHeaders["a b"]', /a header name/],
    ['a value has a line end', { setHeaders: { A: '1\r\nB: 2' } }, 'setHeaders.A', /control characters/],
    ['a value is not Latin-1', { setHeaders: { A: '\u20ac' } }, 'setHeaders.A', /header value/],
    ['it sets a header twice', { setHeaders: { 'X-A': '1', 'x-a': '2' } }, 'setHeaders.x-a', /twice/],
    [
      'it removes what frames',
      { removeHeaders: ['X', 'Connection'] },
      'removeHeaders[1]',
      /belongs to the conn/,
    ],
    [
      'it sets and removes',
      { setHeaders: { A: '1' }, removeHeaders: ['a'] },
      'setHeaders.A',
      /set and removed/,
    ],
    ['a method is none', { match: { methods: ['GET', 'A B'] } }, 'match.methods[1]', /a method such as/],
    [
      'a header must both equal and match',
      { match: { headers: [{ name: 'A', value: '1', pattern: '1' }] } },
      'match.headers[0].pattern',
      /exclude each other/,
    ],
    ['it rewrites to no path', { rewrite: 'b' }, 'rewrite', /begins with \//],
    ['it rewrites the query', { rewrite: '/b?c' }, 'rewrite', /begins with \//],
    ['it rewrites to bytes no target may have', { rewrite: '/caf\xe9' }, 'rewrite', /begins with \//],
  ])('%s', (_what, fields, path, message) => {
    expect(problems(fields)).toEqual([{ path, message: expect.stringMatching(message) as string }]);
  });

  test('it sets more headers than a request should have', () => {
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_each, i) => [`X-${i}`, '']));
    expect(problems({ setHeaders: headers(64) })).toEqual([]);
    expect(paths({ setHeaders: headers(65) })).toEqual(['setHeaders']);
  });
});

test('a route that uses everything is taken as it is', () => {
  const route = {
    name: 'all',
    description: 'everything',
    priority: -5,
    match: {
      host: '*.example.com',
      path: '~ ^/v([0-9]+)/(.*)$',
      methods: ['GET', 'M-SEARCH'],
      headers: [{ name: 'X-A' }, { name: 'X-B', value: '' }, { name: 'X-C', pattern: '^c' }],
    },
    groups: [
      { group: 'a', weight: 0 },
      { group: 'b', weight: 99 },
    ],
    rewrite: '/$2/*/$1',
    stripPrefix: false,
    setHeaders: { Authorization: 'Bearer key', 'X-Latin': 'caf\xe9' },
    removeHeaders: ['Cookie'],
    scope: 'gpu',
    auth: 'app',
    duplex: true,
    timeouts: { firstByteMs: 1, idleMs: 2, totalMs: 3 },
    sse: { heartbeatMs: 15_000 },
    cors: { origins: ['https://app.test'], credentials: true },
  };
  expect(routeSchema.parse(route)).toEqual(route);
});
