import { expect, test } from 'vitest';
import { matcherOf, routeOf } from '../support/routes.ts';

test('methods are compared as they are: GET is neither get nor HEAD', () => {
  const match = matcherOf(routeOf({ name: 'it', methods: ['GET', 'PURGE'] }));
  expect(match('/', { method: 'GET' })).toBe('it');
  expect(match('/', { method: 'PURGE' })).toBe('it');
  expect(match('/', { method: 'get' })).toBeUndefined();
  expect(match('/', { method: 'HEAD' })).toBeUndefined();
});

test('a header without value and pattern has to be there, be it empty', () => {
  const match = matcherOf(routeOf({ name: 'it', headers: [{ name: 'X-Beta' }] }));
  expect(match('/', { headers: { 'x-beta': '' } })).toBe('it');
  expect(match('/', { headers: { 'x-other': '' } })).toBeUndefined();
});

test('the value of a header is compared as it is', () => {
  const match = matcherOf(routeOf({ name: 'it', headers: [{ name: 'X-Model', value: 'Large' }] }));
  expect(match('/', { headers: { 'x-model': 'Large' } })).toBe('it');
  expect(match('/', { headers: { 'x-model': 'large' } })).toBeUndefined();
  expect(match('/', { headers: { 'x-model': 'Large, Large' } })).toBeUndefined();
  expect(match('/')).toBeUndefined();
});

test('an empty value asks for an empty header, not for none', () => {
  const match = matcherOf(routeOf({ name: 'it', headers: [{ name: 'x-a', value: '' }] }));
  expect(match('/', { headers: { 'x-a': '' } })).toBe('it');
  expect(match('/', { headers: { 'x-a': 'b' } })).toBeUndefined();
  expect(match('/')).toBeUndefined();
});

test('a pattern is searched for anywhere in the value unless it is anchored', () => {
  const anywhere = matcherOf(routeOf({ name: 'it', headers: [{ name: 'x-a', pattern: 'b+' }] }));
  const whole = matcherOf(routeOf({ name: 'it', headers: [{ name: 'x-a', pattern: '^b+$' }] }));
  expect(anywhere('/', { headers: { 'x-a': 'abbc' } })).toBe('it');
  expect(whole('/', { headers: { 'x-a': 'abbc' } })).toBeUndefined();
  expect(whole('/', { headers: { 'x-a': 'bb' } })).toBe('it');
  expect(whole('/')).toBeUndefined();
});

test('all header conditions must hold', () => {
  const match = matcherOf(
    routeOf({
      name: 'it',
      headers: [{ name: 'a' }, { name: 'b', value: '1' }, { name: 'c', pattern: '^[0-9]$' }],
    }),
  );
  expect(match('/', { headers: { a: '', b: '1', c: '7' } })).toBe('it');
  expect(match('/', { headers: { b: '1', c: '7' } })).toBeUndefined();
  expect(match('/', { headers: { a: '', b: '2', c: '7' } })).toBeUndefined();
  expect(match('/', { headers: { a: '', b: '1', c: 'x' } })).toBeUndefined();
});
