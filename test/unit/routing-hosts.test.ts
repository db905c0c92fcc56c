import { expect, test } from 'vitest';
import { hostOf } from '../../router-core/routing/request-host.ts';
import { matcherOf, routeOf } from '../support/routes.ts';

test.each([
  ['a.test', 'a.test'],
  ['A.Test', 'a.test'],
  ['a.test:8080', 'a.test'],
  ['a.test:', 'a.test'],
  ['a.test.', 'a.test'],
  ['A.TEST.:443', 'a.test'],
  ['[::1]', '[::1]'],
  ['[FE80::1]:8080', '[fe80::1]'],
  ['127.0.0.1:80', '127.0.0.1'],
  ['', ''],
  [`${'a.'.repeat(200)}test`, ''],
])('the host of the authority %j is %j', (authority, host) => {
  expect(hostOf(authority)).toBe(host);
});

const match = matcherOf(
  routeOf({ name: 'exact', host: 'API.example.com' }),
  routeOf({ name: 'below', host: '*.example.com' }),
  routeOf({ name: 'deep', host: '*.eu.example.com' }),
  routeOf({ name: 'v6', host: '[::1]' }),
  routeOf({ name: 'proto', host: '__proto__' }),
  routeOf({ name: 'any' }),
);

test.each([
  ['api.example.com', 'exact'],
  ['API.EXAMPLE.COM:8443', 'exact'],
  ['api.example.com.', 'exact'],
  ['www.example.com', 'below'],
  ['a.b.example.com', 'below'],
  ['x.api.example.com', 'below'],
  ['eu.example.com', 'below'],
  ['a.eu.example.com', 'deep'],
  ['a.b.eu.example.com:80', 'deep'],
  ['example.com', 'any'],
  ['.example.com', 'any'],
  ['notexample.com', 'any'],
  ['api.example.com.evil.test', 'any'],
  ['com', 'any'],
  ['[::1]:8080', 'v6'],
  ['__proto__', 'proto'],
  ['constructor', 'any'],
  ['', 'any'],
])('a request for the host %j takes the route %s', (host, name) => {
  expect(match('/x', { host })).toBe(name);
});

test('a host that no route names has no route when none is for any host', () => {
  const named = matcherOf(routeOf({ host: 'a.test' }), routeOf({ host: '*.b.test' }));
  expect(named('/', { host: 'b.test' })).toBeUndefined();
  expect(named('/', { host: '' })).toBeUndefined();
});
