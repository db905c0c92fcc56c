import { describe, expect, test } from 'vitest';
import { matcherOf, routeOf } from '../support/routes.ts';

const only = (path: string) => matcherOf(routeOf({ name: 'it', path }));

describe('an exact path', () => {
  const match = only('/a/b');
  test.each(['/a/b', '/a/b?', '/a/b?x=/c', '/a/b?a?b'])('serves %s', (target) => {
    expect(match(target)).toBe('it');
  });
  test.each(['/a', '/a/', '/a/b/', '/a/b/c', '/a/bb', '/A/b', '//a/b', '/a//b', '/', '/?/a/b', '/a%2Fb'])(
    'does not serve %s',
    (target) => {
      expect(match(target)).toBeUndefined();
    },
  );
});

describe('a prefix', () => {
  const match = only('/a/*');
  test.each(['/a', '/a/', '/a/b', '/a//b', '/a/b/c?x', '/a?x', '/a?/b', '/a/..'])('serves %s', (target) => {
    expect(match(target)).toBe('it');
  });
  test.each(['/', '/ab', '/b/a', '//a', '/A/b', '/?/a/b', '/%61/b', '/./a/b'])(
    'does not serve %s',
    (target) => {
      expect(match(target)).toBeUndefined();
    },
  );
});

test.each(['/', '//', '/a', '/a/b/', '/%2F', '/?', '/__proto__'])('/* serves %s', (target) => {
  expect(only('/*')(target)).toBe('it');
});

test.each(['*', '', 'http://a.test/'])('nothing serves the target %j, which is not a path', (target) => {
  const match = matcherOf(routeOf({ name: 'all' }), routeOf({ name: 'expression', path: '~ .*' }));
  expect(match(target)).toBeUndefined();
});

test('paths are compared byte for byte', () => {
  const match = matcherOf(
    routeOf({ name: 'slash', path: '/a/b/*' }),
    routeOf({ name: 'encoded', path: '/a%2Fb/*' }),
    routeOf({ name: 'lower', path: '/a%2fb/*' }),
    routeOf({ name: 'double', path: '/a//b/*' }),
    routeOf({ name: 'empty-segment', path: '//*' }),
    routeOf({ name: 'dots', path: '/a/../b' }),
  );
  expect(match('/a/b/c')).toBe('slash');
  expect(match('/a%2Fb/c')).toBe('encoded');
  expect(match('/a%2fb/c')).toBe('lower');
  expect(match('/a//b/c')).toBe('double');
  expect(match('//a/b')).toBe('empty-segment');
  expect(match('/')).toBe('empty-segment');
  expect(match('/a/../b')).toBe('dots');
  expect(match('/b')).toBeUndefined();
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'a segment called %s is nothing special',
  (name) => {
    const match = matcherOf(routeOf({ name: 'it', path: `/${name}/*` }), routeOf({ name: 'a', path: '/a' }));
    expect(match(`/${name}/x`)).toBe('it');
    expect(matcherOf(routeOf({ path: '/a/*' }))(`/${name}`)).toBeUndefined();
  },
);

describe('a regular expression', () => {
  test('is searched for anywhere in the path unless it is anchored', () => {
    expect(only('~ /v[0-9]+')('/x/v12/y')).toBe('it');
    expect(only('~ ^/v[0-9]+')('/x/v12/y')).toBeUndefined();
    expect(only('~ ^/v[0-9]+')('/v12/y')).toBe('it');
    expect(only('~ ^/v[0-9]+$')('/v12/y')).toBeUndefined();
  });
  test('does not see the query', () => {
    expect(only('~ secret')('/a?secret')).toBeUndefined();
    expect(only('~ a$')('/a?b')).toBe('it');
  });
  test('is case-sensitive unless it says (?i)', () => {
    expect(only('~ ^/a$')('/A')).toBeUndefined();
    expect(only('~ (?i)^/a$')('/A')).toBe('it');
  });
  test('may be written with or without a blank after the tilde, and may end in /*', () => {
    expect(only('~^/a$')('/a')).toBe('it');
    expect(only('~ ^/a/*')('/a///')).toBe('it');
    expect(only('~ ^/a/*$')('/ab')).toBeUndefined();
  });
});

test('a table without routes matches nothing', () => {
  expect(matcherOf()('/')).toBeUndefined();
});
