import { expect, test } from 'vitest';
import { compileRoutes } from '../../router-core/routing/compile-routes.ts';
import { explainRoutes } from '../../router-core/routing/explain-routes.ts';
import { requestOf, routeOf } from '../support/routes.ts';

test('an explanation names the route, its target, its groups, and what was against the others', () => {
  const table = compileRoutes([
    routeOf({ name: 'urgent', priority: 5, path: '/other/*' }),
    routeOf({ name: 'elsewhere', priority: 4, host: '*.b.test' }),
    routeOf({ name: 'put', path: '/a/b', methods: ['PUT', 'POST'] }),
    routeOf({ name: 'exact', path: '/a' }),
    routeOf({ name: 'expression', path: '~ ^/x' }),
    routeOf({
      name: 'it',
      path: '/a/*',
      rewrite: '/$1',
      groups: [
        { group: 'g', weight: 3 },
        { group: 'h', weight: 1 },
        { group: 'off', weight: 0 },
      ],
    }),
    routeOf({ name: 'like-it', path: '/a/*' }),
    routeOf({ name: 'missing', path: '/a/*', headers: [{ name: 'X-Gone' }] }),
    routeOf({ name: 'wrong', path: '/a/*', headers: [{ name: 'X-A', value: '2' }] }),
    routeOf({ name: 'unlike', path: '/a/*', headers: [{ name: 'X-A', pattern: '^[a-z]' }] }),
    routeOf({ name: 'wide', path: '/*', methods: ['GET'] }),
    routeOf({ name: 'fallback', priority: -1, path: '/a/b' }),
  ]);
  const headers = { 'x-a': '1' };
  expect(explainRoutes(table, requestOf('/a/b?q', { host: 'A.test:80', headers }))).toEqual({
    matched: 'it',
    target: '/b?q',
    groups: [
      { group: 'g', share: 0.75 },
      { group: 'h', share: 0.25 },
      { group: 'off', share: 0 },
    ],
    rejected: [
      { route: 'urgent', why: 'path: it is not /other or below' },
      { route: 'elsewhere', why: 'host: it is not *.b.test' },
      { route: 'put', why: 'method: it is not PUT or POST' },
      { route: 'exact', why: 'path: it is not /a' },
      { route: 'expression', why: 'path: it does not match ^/x' },
      { route: 'missing', why: 'header x-gone: it is missing' },
      { route: 'unlike', why: 'header x-a: it does not match ^[a-z]' },
      { route: 'wrong', why: 'header x-a: it is not 2' },
      { route: 'like-it', why: 'as specific as it, which comes first by its name' },
      { route: 'wide', why: 'less specific than it' },
      { route: 'fallback', why: 'lower priority than it' },
    ],
  });
});

test('without a match there is no target and no group, but a reason for every route', () => {
  const table = compileRoutes([routeOf({ name: 'a', path: '/a' }), routeOf({ name: 'b', host: 'b.test' })]);
  expect(explainRoutes(table, requestOf('/c'))).toEqual({
    matched: undefined,
    target: undefined,
    groups: [],
    rejected: [
      { route: 'b', why: 'host: it is not b.test' },
      { route: 'a', why: 'path: it is not /a' },
    ],
  });
  expect(explainRoutes(table, requestOf('*')).rejected).toHaveLength(2);
});

test('at most 100 routes are listed, the first in the order of precedence, whatever their number', () => {
  const routes = Array.from({ length: 250 }, (_, i) =>
    routeOf({ name: `r${i}`, path: `/${i}`, priority: i }),
  );
  const { matched, rejected } = explainRoutes(compileRoutes(routes), requestOf('/0'));
  expect(matched).toBe('r0');
  expect(rejected).toHaveLength(100);
  expect(rejected[0]).toEqual({ route: 'r249', why: 'path: it is not /249' });
  expect(rejected[99]?.route).toBe('r150');
});
