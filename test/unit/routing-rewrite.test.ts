import { expect, test } from 'vitest';
import { checkRoute } from '../../router-core/routing/compile-route.ts';
import { compileRoutes, RouteError } from '../../router-core/routing/compile-routes.ts';
import { requestOf, routeOf } from '../support/routes.ts';

type Fields = Parameters<typeof routeOf>[0];

const targetOf = (fields: Fields, target: string) =>
  compileRoutes([routeOf(fields)]).match(requestOf(target))?.target;

test.each([
  ['/a/b?x=1&y=%20', '/a/b?x=1&y=%20'],
  ['/a//b/../%2f?', '/a//b/../%2f?'],
])('without a rewrite %s stays as it is', (target, expected) => {
  expect(targetOf({}, target)).toBe(expected);
});

test.each([
  ['/a', '/'],
  ['/a/', '/'],
  ['/a/b', '/b'],
  ['/a/b/?q', '/b/?q'],
  ['/a?q=/a/b', '/?q=/a/b'],
  ['/a//b', '//b'],
  ['/a/a/b', '/a/b'],
  ['/a/%2e%2e/b', '/%2e%2e/b'],
])('stripPrefix of /a/* makes %s %s', (target, expected) => {
  expect(targetOf({ path: '/a/*', stripPrefix: true }, target)).toBe(expected);
});

test('stripPrefix of /* changes nothing', () => {
  expect(targetOf({ path: '/*', stripPrefix: true }, '/')).toBe('/');
  expect(targetOf({ path: '/*', stripPrefix: true }, '/a/b?c')).toBe('/a/b?c');
});

test.each([
  ['/a/*', '/x/$1', '/a/b/c', '/x/b/c'],
  ['/a/*', '/x/$1', '/a', '/x/'],
  ['/a/*', '/x/$1', '/a/', '/x/'],
  ['/a/*', '/x/$1/$1', '/a/b', '/x/b/b'],
  ['/a/*', '/$1', '/a//b', '//b'],
  ['/*', '/x/$1', '/b', '/x/b'],
  ['/*', '/x$1', '/', '/x'],
  ['/a/b', '/c', '/a/b', '/c'],
  ['/a/*', '/c', '/a/b', '/c'],
  ['/a/*', '/$$1', '/a/b', '/$1'],
  ['/a/*', '/$$$1', '/a/b', '/$b'],
  ['/a/*', '/$$$$', '/a/b', '/$$'],
  ['/a/*', '/$x/$', '/a/b', '/$x/$'],
  ['/a/*', '/$10', '/a/b', '/b0'],
  ['/a/*', '/$1', '/a/$1$$&', '/$1$$&'],
  ['/a/*', '/$1', '/a/%24%2F', '/%24%2F'],
  ['~ ^/u/([0-9]+)/(.*)$', '/users/$1/$2', '/u/7/a/b', '/users/7/a/b'],
  ['~ ^/u/([0-9]+)/(.*)$', '/$2/$1', '/u/7/a', '/a/7'],
  ['~ ^/(?:(a)|(b))$', '/x$1y$2z', '/b', '/xybz'],
  ['~ (b+)', '/$1', '/aabbaab', '/bb'],
  ['~ ^/(?P<name>[a-z]+)', '/$1', '/abc/d', '/abc'],
  ['~ (.)(.)(.)(.)(.)(.)(.)(.)(.)(.)', '/$9$8', '/abcdefghij', '/hg'],
])('%s rewritten to %s makes %s %s', (path, rewrite, target, expected) => {
  expect(targetOf({ path, rewrite }, target)).toBe(expected);
  expect(targetOf({ path, rewrite }, `${target}?q=$1&r=/%2F?`)).toBe(`${expected}?q=$1&r=/%2F?`);
});

test('what was captured comes from the route that matches, not from one that was tried before', () => {
  const headers = [{ name: 'x-a' }];
  const table = compileRoutes([
    routeOf({ name: 'a', path: '~ ^/(.)', rewrite: '/a/$1', headers }),
    routeOf({ name: 'b', path: '~ ^/.(.)', rewrite: '/b/$1', priority: -1 }),
    routeOf({ name: 'c', path: '~ ^/..(.)', rewrite: '/c/$1', priority: -2 }),
  ]);
  expect(table.match(requestOf('/xyz'))?.target).toBe('/b/y');
  expect(table.match(requestOf('/xyz', { headers: { 'x-a': '' } }))?.target).toBe('/a/x');
});

test('what was captured comes from the best route also when a worse one has matched before', () => {
  const table = compileRoutes([
    routeOf({ name: 'host', host: 'hub.test', path: '~ ^/(.)', rewrite: '/host/$1' }),
    routeOf({ name: 'any', path: '~ ^/.(.)', rewrite: '/any/$1', priority: 1 }),
  ]);
  expect(table.match(requestOf('/xyz'))?.target).toBe('/any/y');
});

test.each<[Fields, (string | number)[], RegExp]>([
  [{ path: '/a', rewrite: '/$1' }, ['rewrite'], /\$1.*captures nothing/],
  [{ path: '/a/*', rewrite: '/$2' }, ['rewrite'], /\$2.*only \$1/],
  [{ path: '/a/*', rewrite: '/$0' }, ['rewrite'], /\$0/],
  [{ path: '~ ^/(a)(b)', rewrite: '/$1$3' }, ['rewrite'], /\$3.*\$1 to \$2/],
  [{ path: '~ ^/(?:a)', rewrite: '/$1' }, ['rewrite'], /captures nothing/],
  [{ path: '/*', rewrite: `/${'$1'.repeat(10)}` }, ['rewrite'], /at most 9/],
  [{ path: '~ (', rewrite: '/$1' }, ['match', 'path'], /missing closing \)/],
  [{ path: '~ (?=a)' }, ['match', 'path'], /RE2/],
  [{ path: '~ (a)\\1' }, ['match', 'path'], /RE2/],
  [{ headers: [{ name: 'a' }, { name: 'b', pattern: '[' }] }, ['match', 'headers', 1, 'pattern'], /RE2/],
])('%j is refused, and it is said where', (fields, path, message) => {
  const route = routeOf({ ...fields, name: 'bad' });
  expect(checkRoute(route)).toEqual([{ path, message: expect.stringMatching(message) as string }]);
  try {
    compileRoutes([routeOf({ name: 'good' }), route]);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(RouteError);
    expect(error).toMatchObject({
      route: 'bad',
      path,
      message: expect.stringMatching(message) as string,
    });
  }
});

test('all problems of a route are told at once, those of the path first', () => {
  const headers = [{ name: 'a', pattern: '(' }, { name: 'b' }, { name: 'c', pattern: ')' }];
  const paths = checkRoute(routeOf({ path: '~ [', headers })).map(({ path }) => path.join('.'));
  expect(paths).toEqual(['match.path', 'match.headers.0.pattern', 'match.headers.2.pattern']);
  expect(checkRoute(routeOf({ path: '~ ^/(.*)$', rewrite: '/x/$1' }))).toEqual([]);
});
