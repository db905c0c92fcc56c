import { describe, expect, test } from 'vitest';
import { compileHeaderRules } from '../../router-core/agent/upstream/upstream-headers.ts';
import { checkRequest, MAX_TARGET_BYTES } from '../../router-core/http/check-request.ts';
import { areFields, fieldLines, rawFields, withoutFields } from '../../router-core/http/field-lines.ts';
import { forwardReplyFields } from '../../router-core/http/forward-reply.ts';
import { forwardRequestFields } from '../../router-core/http/forward-request.ts';
import { isHopByHop, nominatedFields } from '../../router-core/http/hop-by-hop.ts';
import { preferredWaitS } from '../../router-core/http/prefer.ts';

const CONTEXT = {
  requestId: 'id-1',
  peer: '10.1.1.1',
  isTrusted: false,
  writesForwarded: false,
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
    expect(rawFields(forwardRequestFields(raw, CONTEXT))).toEqual([
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
    expect(forwardReplyFields(raw)).toBe('Set-Cookie: a\r\nset-cookie: b\r\nTrailer: T\r\n');
  });

  test('from the agent are the client’s with its own rules applied', () => {
    const fields = 'Host: h\r\nAUTHORIZATION: mine\r\nX-A: Host: \r\nX-Host: 1\r\nauthorization: again\r\n';
    const rules = { setHeaders: [['Authorization', 'key']] as const, preserveHost: true };
    const kept = 'X-A: Host: \r\nX-Host: 1\r\n';
    expect(compileHeaderRules(rules)(fields)).toBe(`Host: h\r\n${kept}Authorization: key\r\n`);
    expect(compileHeaderRules({ setHeaders: [], preserveHost: false })(`host: h\r\n${kept}`)).toBe(kept);
    expect(compileHeaderRules({ setHeaders: [], preserveHost: true })(fields)).toBe(fields);
  });
});

describe('fields as text', () => {
  test.each([
    [''],
    ['X-Empty: \r\n'],
    ['A: 1\r\nb: caf\xe9 \x80\xff\t: x\r\nA: 2\r\n'],
    ["!#$%&'*+-.^_`|~09azAZ: x\r\n"],
  ])('%j come back as they were', (lines) => {
    expect(areFields(lines)).toBe(true);
    expect(fieldLines(rawFields(lines))).toBe(lines);
  });

  test.each([
    ['no end', 'A: 1'],
    ['an empty line', 'A: 1\r\n\r\nGET / HTTP/1.1\r\n'],
    ['an LF alone', 'A: 1\nB: 2\r\n'],
    ['a CR alone', 'A: 1\rB: 2\r\n'],
    ['a NUL', 'A: \0\r\n'],
    ['a DEL', 'A: \x7f\r\n'],
    ['a character that becomes a line feed', 'A: \u010aB: 2\r\n'],
    ['a blank in a name', 'A b: 1\r\n'],
    ['no name', ': 1\r\n'],
    ['a folded line', 'A: 1\r\n b\r\n'],
  ])('with %s are none', (_what, lines) => expect(areFields(lines)).toBe(false));

  test('lose all that have a name, whatever it is made of', () => {
    const lines = 'X.Y: 1\r\nX+Y: 2\r\nx.y: 3\r\nXaY: 4\r\nX.Y-Z: 5\r\n';
    expect(withoutFields(['x.Y', 'X+y'])(lines)).toBe('XaY: 4\r\nX.Y-Z: 5\r\n');
    expect(withoutFields([])(lines)).toBe(lines);
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
