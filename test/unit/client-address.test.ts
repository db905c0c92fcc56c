import { describe, expect, test } from 'vitest';
import { plainAddress, toldClient } from '../../router-core/http/client-address.ts';
import { forwardedElement, parseForwarded } from '../../router-core/http/forwarded.ts';

const isTrusted = (address: string) => address.startsWith('10.') || address === '::1';
const clientOf = (...raw: string[]) => toldClient(raw, '10.0.0.1', isTrusted);

describe('the client of a request', () => {
  test('is the peer where that is no trusted proxy, whatever it says', () => {
    const raw = ['X-Forwarded-For', '1.1.1.1', 'Forwarded', 'for=2.2.2.2'];
    expect(toldClient(raw, '9.9.9.9', isTrusted).address).toBe('9.9.9.9');
  });

  test.each<[what: string, list: string, client: string]>([
    ['the last one that a trusted proxy tells of', '1.1.1.1', '1.1.1.1'],
    ['not one that an untrusted one tells of', '7.7.7.7, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
    ['the first one where all are trusted', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['read without its port', '1.1.1.1:4321', '1.1.1.1'],
    ['read without its brackets', '[2001:DB8::1]:80', '2001:db8::1'],
    ['the last proxy before a name that is no address', '1.1.1.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['the peer where the list says nothing', ' , ', '10.0.0.1'],
  ])('is %s', (_what, list, client) => {
    expect(clientOf('X-Forwarded-For', list).address).toBe(client);
  });

  test('is read from several fields as from one', () => {
    expect(clientOf('X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '10.0.0.2').address).toBe('1.1.1.1');
  });

  test('comes from Forwarded with its scheme and host, where there is no X-Forwarded-For', () => {
    const field =
      'for=7.7.7.7;proto=gopher, for="1.1.1.1:99";host="a.test:8";proto=https, for=10.0.0.2;proto=http';
    expect(clientOf('Forwarded', field)).toEqual({ address: '1.1.1.1', proto: 'https', host: 'a.test:8' });
    expect(clientOf('Forwarded', field, 'X-Forwarded-For', '2.2.2.2')).toMatchObject({ address: '2.2.2.2' });
  });
});

test('an address of IPv4 within IPv6 is the one of IPv4', () => {
  expect(plainAddress('::ffff:1.2.3.4')).toBe('1.2.3.4');
  expect(plainAddress('_hidden')).toBeUndefined();
  expect(plainAddress('1.2.3.4.5')).toBeUndefined();
});

describe('Forwarded, RFC 7239', () => {
  test('is read with quotes, blanks, escapes, any case and unknown parameters', () => {
    const field = 'For="[2001:db8::1]:80";HOST="a\\"b" ; x=y;proto=https ,for=_x,by=z';
    expect(parseForwarded(field)).toEqual([
      { node: '[2001:db8::1]:80', host: 'a"b', proto: 'https' },
      { node: '_x', host: undefined, proto: undefined },
      { node: 'unknown', host: undefined, proto: undefined },
    ]);
  });

  test.each(['for="1.1.1.1', 'for', '=1.1.1.1', 'for=a b', 'for=1.1.1.1, , for=2.2.2.2'])(
    'that breaks the syntax tells nothing: %s',
    (field) => expect(parseForwarded(field)).toEqual([]),
  );

  test('is written so that it is read back', () => {
    for (const [node, host] of [
      ['1.2.3.4', 'a.test'],
      ['2001:db8::1', '[::1]:8080'],
      ['unknown', 'a"\\b'],
    ] as const) {
      const [element] = parseForwarded(forwardedElement(node, { host, proto: 'https' }));
      expect(element).toEqual({ node: node.includes(':') ? `[${node}]` : node, host, proto: 'https' });
    }
  });
});
