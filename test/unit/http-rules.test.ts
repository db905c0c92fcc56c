import { describe, expect, test } from 'vitest';
import { compileHeaderRules } from '../../router-core/agent/upstream-headers.ts';
import { checkRequest, MAX_TARGET_BYTES } from '../../router-core/http/check-request.ts';
import { forwardReplyHeaders } from '../../router-core/http/forward-reply.ts';
import { forwardRequestHeaders } from '../../router-core/http/forward-request.ts';
import { isHopByHop, nominatedFields } from '../../router-core/http/hop-by-hop.ts';
import { preferredWaitS } from '../../router-core/http/prefer.ts';

const CONTEXT = {
  requestId: 'id-1',
  clientAddress: '10.1.1.1',
  proto: 'http',
  httpVersion: '1.1',
  authority: 'h.test',
  rules: undefined,
} as const;

describe('hop-by-hop fields', () => {
  test('are those of RFC 9110 §7.6.1 and those that Connection nominates', () => {
    const nominated = nominatedFields([
      'Connection',
      'close, X-One ,,x-TWO',
      'X-A',
      '1',
      'CONNECTION',
      'X-Three',
    ]);
    for (const name of ['x-one', 'x-two', 'x-three', 'connection', 'transfer-encoding', 'te', 'upgrade']) {
      expect({ name, hop: isHopByHop(name, nominated) }).toEqual({ name, hop: true });
    }
    for (const name of ['x-a', 'content-length', 'trailer', 'authorization', 'close']) {
      expect({ name, hop: isHopByHop(name, nominated) }).toEqual({ name, hop: false });
    }
  });

  test('are not looked for where nothing is nominated', () => {
    expect(nominatedFields(['Connection', 'keep-alive', 'X-A', '1'])).toBeUndefined();
    expect(nominatedFields([])).toBeUndefined();
  });
});

describe('the fields that go on', () => {
  test('to an upstream are the client’s in their order, then what the router adds', () => {
    const raw = ['X-A', '1', 'Host', 'liar', 'x-a', '2', 'Connection', 'close', 'Content-Length', '007'];
    expect(forwardRequestHeaders(raw, CONTEXT)).toEqual([
      ...['X-A', '1', 'Host', 'h.test', 'x-a', '2', 'Content-Length', '7'],
      ...['X-Forwarded-For', '10.1.1.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'h.test'],
      ...['Via', '1.1 mini-router', 'Router-Request-Id', 'id-1'],
    ]);
  });

  test('to a client are the upstream’s without those of its connection', () => {
    const raw = [
      'Connection',
      'X-In',
      'X-In',
      '1',
      'Set-Cookie',
      'a',
      'set-cookie',
      'b',
      'Keep-Alive',
      'x',
      'Trailer',
      'T',
    ];
    expect(forwardReplyHeaders(raw)).toEqual(['Set-Cookie', 'a', 'set-cookie', 'b', 'Trailer', 'T']);
  });

  test('from the agent are the client’s with its own rules applied', () => {
    const raw = ['Host', 'h', 'AUTHORIZATION', 'mine', 'X-A', '1', 'authorization', 'again'];
    const rules = { setHeaders: [['Authorization', 'key']] as const, preserveHost: true };
    expect(compileHeaderRules(rules)(raw)).toEqual(['Host', 'h', 'X-A', '1', 'Authorization', 'key']);
    expect(compileHeaderRules({ setHeaders: [], preserveHost: false })(['Host', 'h', 'X-A', '1'])).toEqual([
      'X-A',
      '1',
    ]);
  });
});

const line = (url: string, { method = 'GET', httpVersion = '1.1', headers = ['Host', 'h'] } = {}) =>
  checkRequest({ method, url, httpVersion, rawHeaders: headers });

describe('the check of a request', () => {
  test.each([
    ['/a?', '/a?', 'h'],
    ['//a', '//a', 'h'],
    ['http://o.test/x', '/x', 'o.test'],
    ['http://o.test:81?q', '/?q', 'o.test:81'],
    ['HTTPS://o.test', '/', 'o.test'],
  ])('takes %s as %s at %s', (url, target, authority) => {
    expect(line(url)).toMatchObject({ ok: true, target, authority });
  });

  test('takes OPTIONS * and nothing else with *', () => {
    expect(line('*', { method: 'OPTIONS' })).toMatchObject({ ok: true, target: '*' });
    expect(line('*')).toMatchObject({ ok: false, problem: 'bad-request' });
    expect(line('*', { method: 'POST' }).ok).toBe(false);
  });

  test('reads the length of the body', () => {
    const length = (value: string) => line('/', { headers: ['Host', 'h', 'content-LENGTH', value] });
    expect(length('005')).toMatchObject({ ok: true, contentLength: 5 });
    for (const bad of ['', '-1', '+1', '1.0', '0x1', '1,1', '1 1', '9'.repeat(20)]) {
      expect({ bad, ...length(bad) }).toMatchObject({ bad, ok: false, problem: 'bad-request' });
    }
  });

  test.each([
    ['no version', '/', { httpVersion: '0.9' }],
    ['no Host in HTTP/1.1', '/', { headers: [] }],
    ['two Hosts', '/', { headers: ['Host', 'a', 'HOST', 'a'] }],
    ['a Host with a path', '/', { headers: ['Host', 'a/b'] }],
    [
      'chunks in HTTP/1.0',
      '/',
      { httpVersion: '1.0', headers: ['Host', 'a', 'Transfer-Encoding', 'chunked'] },
    ],
    [
      'chunks and a length',
      '/',
      { headers: ['Host', 'a', 'Transfer-Encoding', 'chunked', 'Content-Length', '1'] },
    ],
    ['an empty coding', '/', { headers: ['Host', 'a', 'Transfer-Encoding', ''] }],
    ['a fragment', '/#x', {}],
    ['a blank', '/a b', {}],
    ['a byte above 127', '/\xe9', {}],
    ['another scheme', 'ftp://a/', {}],
    ['a relative target', 'a', {}],
  ])('refuses %s', (_what, url, options) => {
    expect(line(url, options)).toMatchObject({ ok: false, problem: 'bad-request' });
  });

  test('takes the longest target there may be, and not one byte more', () => {
    expect(line(`/${'x'.repeat(MAX_TARGET_BYTES - 1)}`).ok).toBe(true);
    expect(line(`/${'x'.repeat(MAX_TARGET_BYTES)}`)).toMatchObject({ ok: false, problem: 'target-too-long' });
  });
});

describe('Prefer: wait', () => {
  test.each([
    ['wait=5', 5],
    ['WAIT = 0 ', 0],
    ['respond-async, wait=10; x=y, wait=20', 10],
    ['wait="7"', 7],
    ['x="a, wait=1", wait=2', 2],
    ['x="a; b", return=minimal;wait=3,wait=4', 4],
  ])('of %j is %d s', (field, seconds) => {
    expect(preferredWaitS(field)).toBe(seconds);
  });

  test.each([
    '',
    'wait',
    'wait=',
    'wait=-1',
    'wait=1.5',
    'wait=soon, wait=5',
    'waiting=1',
    'x=wait=1',
    'wait=1=2',
  ])('of %j is none', (field) => expect(preferredWaitS(field)).toBeUndefined());
});
