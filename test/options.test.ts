import { describe, expect, test } from 'vitest';
import {
  count,
  duration,
  flag,
  header,
  httpUrl,
  oneOf,
  parseDuration,
  parseSize,
  port,
  redisUrl,
  size,
  upstreamUrl,
} from '../router-core/runtime/options.ts';
import type { OptionType } from '../router-core/runtime/options.ts';

function complaint(type: OptionType<unknown>, text: string): string | undefined {
  return type.safeParse(text).error?.issues[0]?.message;
}

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '30', '-1s', '1 s', 's', '1w', '1e3ms', '1h30m', '25d'])('"%s" is refused', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('may have a lower bound, which the refusal names', () => {
    expect(duration({ atLeastMs: 100 }).parse('100ms')).toBe(100);
    expect(complaint(duration({ atLeastMs: 100 }), '99ms')).toContain('at least 100ms');
  });
});

describe('sizes', () => {
  test.each([
    ['64KiB', 65_536],
    ['100MiB', 104_857_600],
    ['1.5 GiB', 1_610_612_736],
    ['10MB', 10_000_000],
    ['4096', 4096],
    ['12b', 12],
    ['0', 0],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', 'KiB', '-1', '10XB', '1,5GB', '9999999TiB'])('"%s" is refused', (text) => {
    expect(parseSize(text)).toBeUndefined();
    expect(size().safeParse(text).success).toBe(false);
  });
});

describe('numbers, ports, words', () => {
  test('are whole and within their range', () => {
    expect(count({ from: 1, to: 4 }).parse('4')).toBe(4);
    expect(complaint(count({ from: 1, to: 4 }), '5')).toBe('"5" is not a whole number, 1 to 4');
    expect(complaint(count({ from: 1 }), '0')).toBe('"0" is not a whole number, 1 or more');
    expect(complaint(count({ from: 0 }), '1.5')).toBeDefined();
    expect(port().parse('0')).toBe(0);
    expect(complaint(port(), '65536')).toContain('65535');
  });

  test('true, false, 1 and 0 are switches, nothing else is', () => {
    expect(['true', 'FALSE', '1', '0'].map((text) => flag().parse(text))).toEqual([true, false, true, false]);
    expect(complaint(flag(), 'maybe')).toBe('"maybe" is not true or false');
    expect(complaint(flag(), 'constructor')).toBeDefined();
  });

  test('a choice is named when it is missed', () => {
    expect(oneOf(['info', 'warn']).parse('warn')).toBe('warn');
    expect(complaint(oneOf(['info', 'warn']), 'loud')).toBe('"loud" is not one of info, warn');
  });
});

describe('URLs and headers', () => {
  test.each([
    'redis://localhost',
    'redis://:secret@10.0.0.1:6380/2',
    'rediss://user:secret@cache.example:6379',
  ])('%s is a Redis URL', (text) => {
    expect(redisUrl().parse(text)).toBe(text);
  });

  test.each(['localhost:6379', 'http://localhost', 'redis://', ''])('"%s" is not a Redis URL', (text) => {
    expect(redisUrl().safeParse(text).success).toBe(false);
  });

  test.each(['http://localhost:8000', 'https://host/base/path', 'http://[::1]:80/'])(
    '%s is an upstream, and a URL',
    (text) => {
      expect(httpUrl().parse(text)).toBe(text);
      expect(upstreamUrl().parse(text)).toBe(text);
    },
  );

  test.each(['unix:/run/x.sock', 'unix:/run/x.sock:', 'unix:/run/x.sock:/base/path'])(
    '%s is an upstream, and no URL',
    (text) => {
      expect(upstreamUrl().parse(text)).toBe(text);
      expect(httpUrl().safeParse(text).success).toBe(false);
    },
  );

  test.each(['unix:', 'unix:run/x.sock', 'unix:/run/x.sock:base', 'unix:/a?b', `unix:/${'x'.repeat(107)}`])(
    '"%s" is no Unix socket',
    (text) => expect(upstreamUrl().safeParse(text).success).toBe(false),
  );

  test.each([
    'ftp://host',
    'host:8000',
    'http://user:pw@host',
    'http://host/?a=b',
    'http://host/#x',
    'http://',
  ])('"%s" is not an upstream', (text) => {
    expect(httpUrl().safeParse(text).success).toBe(false);
    expect(upstreamUrl().safeParse(text).success).toBe(false);
  });

  test('a header is a name and a value', () => {
    expect(header().parse('Authorization: Bearer abc: def')).toEqual(['Authorization', 'Bearer abc: def']);
    expect(header().parse('X-Empty:')).toEqual(['X-Empty', '']);
  });

  test.each([
    'no colon',
    ': value',
    'Bad Name: x',
    'X-A: b\r\nX-C: d',
    'Content-Length: 3',
    'connection: close',
  ])('%j is not a header to set', (text) => {
    expect(header().safeParse(text).success).toBe(false);
  });

  test('what may hold a secret is never repeated', () => {
    expect(complaint(redisUrl(), 'redis:/:secret@host')).not.toContain('secret');
    expect(complaint(httpUrl(), 'http://user:secret@host')).not.toContain('secret');
    expect(complaint(upstreamUrl(), 'http://user:secret@host')).not.toContain('secret');
    expect(complaint(header(), 'secret')).not.toContain('secret');
  });
});
