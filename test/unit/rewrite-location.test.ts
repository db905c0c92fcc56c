import { expect, test } from 'vitest';
import { compileLocations } from '../../router-core/http/rewrite-location.ts';

function rewritten(upstream: string, location: string, prefix?: string): string | undefined {
  const fields = ['X', 'y', 'Location', location];
  const sent = prefix === undefined ? 'A: b\r\n' : `A: b\r\nX-Forwarded-Prefix: ${prefix}\r\nC: d\r\n`;
  compileLocations(upstream)(fields, sent);
  return fields[3];
}

const PLAIN = 'http://127.0.0.1:8000';

test.each([
  [PLAIN, 'http://127.0.0.1:8000/a?b#c', '/a?b#c'],
  [PLAIN, 'HTTP://127.0.0.1:8000/a', '/a'],
  [PLAIN, 'http://127.0.0.1:8000', '/'],
  [PLAIN, 'http://127.0.0.1:8000?a', '/?a'],
  ['http://Up.example', 'http://up.example:80/a', '/a'],
  ['http://up.example:80', 'http://UP.example/a', '/a'],
  ['https://up.example', 'https://up.example:443/a', '/a'],
  ['http://[::1]:81', 'http://[::1]:81/a', '/a'],
  [`${PLAIN}/base/`, 'http://127.0.0.1:8000/base/a', '/a'],
  [`${PLAIN}/base`, 'http://127.0.0.1:8000/base', '/'],
])('of the upstream %s, %s becomes %s', (upstream, location, wanted) => {
  expect(rewritten(upstream, location)).toBe(wanted);
});

test.each([
  ['a path', PLAIN, '/a'],
  ['a relative reference', PLAIN, 'a/b'],
  ['another host', PLAIN, 'http://127.0.0.2:8000/a'],
  ['another port', PLAIN, 'http://127.0.0.1:8001/a'],
  ['the usual port, which is another', PLAIN, 'http://127.0.0.1/a'],
  ['another scheme', PLAIN, 'https://127.0.0.1:8000/a'],
  ['a host that only begins so', 'http://up', 'http://up.evil.example/a'],
  ['user info', PLAIN, 'http://127.0.0.1:8000@evil.example/'],
  ['a backslash within the host', PLAIN, 'http://127.0.0.1:8000\\@evil.example/'],
  ['what is not below the base path', `${PLAIN}/base`, 'http://127.0.0.1:8000/bases/a'],
  ['a path that a client would take for a host', PLAIN, 'http://127.0.0.1:8000//evil.example/a'],
  ['a path that browsers take for a host', PLAIN, 'http://127.0.0.1:8000/\\evil.example/a'],
  ['such a path below the base path', `${PLAIN}/base`, 'http://127.0.0.1:8000/base//evil.example'],
])('%s is left alone', (_what, upstream, location) => {
  expect(rewritten(upstream, location)).toBe(location);
  expect(rewritten(upstream, location, '/app')).toBe(location);
});

test.each([
  ['/app', 'http://127.0.0.1:8000/a', '/app/a'],
  ['/app/', 'http://127.0.0.1:8000', '/app/'],
  ['/app', 'http://127.0.0.1:8000/app/a', '/app/a'],
  ['/app', 'http://127.0.0.1:8000/apps', '/app/apps'],
  ['//evil.example', 'http://127.0.0.1:8000/a', 'http://127.0.0.1:8000/a'],
  ['evil', 'http://127.0.0.1:8000/a', '/a'],
])('with the prefix %s, %s becomes %s', (prefix, location, wanted) => {
  expect(rewritten(PLAIN, location, prefix)).toBe(wanted);
});

test('Content-Location is rewritten too, in whatever case, and no other field', () => {
  const fields = ['content-LOCATION', `${PLAIN}/a`, 'X-Location', `${PLAIN}/a`, 'Location', `${PLAIN}/b`];
  compileLocations(PLAIN)(fields, '');
  expect(fields).toEqual(['content-LOCATION', '/a', 'X-Location', `${PLAIN}/a`, 'Location', '/b']);
});
