import { expect, test } from 'vitest';
import { matcherOf, routeOf } from '../support/routes.ts';

type Fields = Parameters<typeof routeOf>[0];

const REQUEST = { host: 'a.b.test', headers: { 'x-a': '1', 'x-b': '1' } };
const xA = { name: 'X-A' };
const xB = { name: 'X-B' };

test.each<[string, Fields, Fields]>([
  ['a higher priority beats everything', { priority: 1 }, { host: 'a.b.test', path: '/a/b' }],
  ['priorities may be negative', {}, { priority: -1, path: '/a/b' }],
  ['an exact host beats any path', { host: 'a.b.test' }, { host: '*.b.test', path: '/a/b' }],
  ['a longer name below beats a shorter one', { host: '*.b.test' }, { host: '*.test', path: '/a/b' }],
  ['a name below beats any host', { host: '*.test' }, { path: '/a/b' }],
  ['an exact path beats an expression', { path: '/a/b' }, { path: '~ ^/a/b$', headers: [xA] }],
  ['an expression beats the longest prefix', { path: '~ .' }, { path: '/a/b/*', headers: [xA] }],
  ['an exact path beats a prefix as long', { path: '/a/b' }, { path: '/a/b/*' }],
  ['a longer prefix beats a shorter one', { path: '/a/*' }, { path: '/*', headers: [xA, xB] }],
  ['more header conditions beat fewer', { headers: [xA, xB] }, { headers: [xA], methods: ['GET'] }],
  ['one header condition beats none', { headers: [xA] }, { methods: ['GET'] }],
  ['methods beat any method', { methods: ['GET', 'POST'] }, {}],
  ['among equal expressions headers decide', { path: '~ .', headers: [xA] }, { path: '~ ^/a/b$' }],
])('%s', (_rule, stronger, weaker) => {
  // The names stand the other way round, so that they decide nothing but a tie.
  const first = routeOf({ ...stronger, name: 'z' });
  const second = routeOf({ ...weaker, name: 'a' });
  expect(matcherOf(first, second)('/a/b', REQUEST)).toBe('z');
  expect(matcherOf(second, first)('/a/b', REQUEST)).toBe('z');
  expect(matcherOf(second)('/a/b', REQUEST)).toBe('a');
});

test('the name decides a tie, whatever the order of the routes, capitals first', () => {
  const routes = ['b', 'a', 'B', '0'].map((name) => routeOf({ name }));
  expect(matcherOf(...routes)('/')).toBe('0');
  expect(matcherOf(...routes.slice(0, 3).toReversed())('/')).toBe('B');
  expect(matcherOf(...routes.slice(0, 2))('/')).toBe('a');
});

test('a priority counts across hosts and kinds of paths', () => {
  const match = matcherOf(
    routeOf({ name: 'exact-host', host: 'a.b.test', path: '/a/*', priority: 1 }),
    routeOf({ name: 'maintenance', path: '/a/b/*', priority: 2, methods: ['POST'] }),
    routeOf({ name: 'expression', path: '~ ^/a/b/c$', priority: 1 }),
    routeOf({ name: 'exact', host: 'a.b.test', path: '/a/b' }),
    routeOf({ name: 'shorter', host: '*.test', path: '/*', priority: 3, headers: [xA] }),
  );
  const host = 'a.b.test';
  expect(match('/a/b', { host })).toBe('exact-host');
  expect(match('/a/b', { host, method: 'POST' })).toBe('maintenance');
  expect(match('/a/b', { host, method: 'POST', headers: { 'x-a': '' } })).toBe('shorter');
  expect(match('/a/b/c', { host })).toBe('exact-host');
  expect(match('/a/b/c', { host: 'other' })).toBe('expression');
  expect(match('/b', { host })).toBeUndefined();
});

test('when the method or a header of a more specific route does not match, the next best is tried', () => {
  const match = matcherOf(
    routeOf({ name: 'exact', host: 'a.b.test', path: '/a/b', methods: ['PUT'] }),
    routeOf({ name: 'prefix', host: 'a.b.test', path: '/a/*', headers: [xA] }),
    routeOf({ name: 'below', host: '*.b.test', path: '/a/b', headers: [xB] }),
    routeOf({ name: 'any', path: '/a/*', methods: ['GET'] }),
    routeOf({ name: 'last', path: '/*' }),
  );
  const host = 'a.b.test';
  expect(match('/a/b', { host, method: 'PUT' })).toBe('exact');
  expect(match('/a/b', { host, headers: { 'x-a': '' } })).toBe('prefix');
  expect(match('/a/b', { host, headers: { 'x-b': '' } })).toBe('below');
  expect(match('/a/b', { host })).toBe('any');
  expect(match('/a/b', { host, method: 'POST' })).toBe('last');
});
