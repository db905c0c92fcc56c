import { expect, test } from 'vitest';
import { nominatedFields } from '../../router-core/http/hop-by-hop.ts';
import { forwardTrailers } from '../../router-core/http/trailers.ts';

test('trailers go on in order, with their spelling and duplicates', () => {
  const raw = ['X-Part', '1', 'x-part', '', 'grpc-status', '0', 'grpc-message', 'caf\xe9\tok'];
  expect(forwardTrailers(raw, undefined)).toEqual(raw);
  expect(forwardTrailers([], undefined)).toEqual([]);
});

test.each([
  ...[
    'Transfer-Encoding',
    'Content-Length',
    'Trailer',
    'Content-Type',
    'Connection',
    'Keep-Alive',
    'Upgrade',
  ],
  ...['Host', 'Location', 'X-Forwarded-For', 'Via', 'TE', 'Expect'],
  ...['Authorization', 'WWW-Authenticate', 'Proxy-Authenticate', 'Set-Cookie', 'Cookie', 'SET-COOKIE'],
  ...['Router-Token', 'router-executed', 'Router-Anything', 'Cache-Control', 'If-Match'],
])('the field %s stays behind, RFC 9110 §6.5.1', (name) => {
  expect(forwardTrailers(['X-A', '1', name, 'v', 'X-B', '2'], undefined)).toEqual(['X-A', '1', 'X-B', '2']);
});

test('fields that Connection of the head nominates stay behind', () => {
  const nominated = nominatedFields(['Connection', 'close, X-Hop']);
  expect(forwardTrailers(['x-hop', '1', 'X-End', '2'], nominated)).toEqual(['X-End', '2']);
});

test.each([
  ['0x01', 'a\x01b'],
  ['DEL', 'a\x7fb'],
  ['an escape sequence', '\x1b[31mred'],
  ['a line feed', 'a\nSet-Cookie: b'],
  ['NUL', '\0'],
  ['what is no byte', '\u20ac'],
])('a value with %s is an error, also in a field that stays behind', (_what, value) => {
  expect(forwardTrailers(['X-Sum', value], undefined)).toBeInstanceOf(Error);
  expect(forwardTrailers(['Set-Cookie', value], undefined)).toBeInstanceOf(Error);
});

test.each([[''], ['a b'], ['a:'], ['x\n'], ['\xe9']])('the name %j is an error', (name) => {
  expect(forwardTrailers([name, 'v'], undefined)).toBeInstanceOf(Error);
});

test('a name without a value is an error', () => {
  expect(forwardTrailers(['X-Sum'], undefined)).toBeInstanceOf(Error);
});
