import { describe, expect, test } from 'vitest';
import { compileRoutes, RouteError } from '../../router-core/routing/compile-routes.ts';
import { estimatePatternSize } from '../../router-core/routing/pattern-size.ts';
import { compileExpression } from '../../router-core/routing/regular-expression.ts';
import { fewestMilliseconds } from '../support/fewest-milliseconds.ts';
import { requestOf, routeOf } from '../support/routes.ts';

const MOST_MS = 50;

/** As long as targets may be, and such that each character could be the beginning of a match that fails at the end. */
const TEXTS = [
  `/${'a'.repeat(8_191)}`,
  `/${'ab'.repeat(4_095)}`,
  `/${'x'.repeat(8_190)}!`,
  `/${'0123456789'.repeat(819)}`,
];

const alternatives = (count: number) =>
  Array.from({ length: count }, (_, i) => `${String.fromCharCode(0x4e00 + 3 * i)}x`).join('|');

/** Expressions that stop a backtracking matcher, that are slow for an automaton, or slow to compile. */
const BOMBS = [
  ...['(a+)+$', '(a|a)+$', '(a|aa)+$', '(.*)*b$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(a*)*c|(b*)*d'],
  ...[
    '(.*a){15}$',
    '^(.*)(.*)(.*)(.*)(.*)x',
    'a.{70}$',
    '(a)(.{30})(.{30})$',
    '^(?:(?:(?:a*)*)*)*c',
    '(?:a?){25}a{25}$',
    '(?:.?){38}[0b]$',
  ],
  ...[`${'.*'.repeat(38)}[cd]`, `${'(.*)'.repeat(9)}${'.*'.repeat(20)}[cd]`, `${'(.?)'.repeat(15)}[cd]`],
  ...['(?:\\pL?){30}[09]$', '\\b'.repeat(70), '(?i)(?:k+)+s$', `[${'\\pL'.repeat(45)}]`],
  ...[
    `(?i)^${'[\\pL\\pN]'.repeat(24)}`,
    `^${'\\pL'.repeat(45)}`,
    `^(?:${alternatives(190)})*$`,
    '^[a-z]{490}$',
  ],
];

/** Expressions that would take long. */
const TOO_LARGE = [
  ...[
    '(a{1000}){1000}',
    '((a{100}){100}){100}',
    '(?:(?:[a-z0-9]?){30}){30}',
    '(?:(a|b|){300}){3}',
    '.{1000}b',
  ],
  ...[
    `(?:${'(a|b|)'.repeat(300)}){900}`,
    '\\pL'.repeat(600),
    `(?i)${'[\\pL\\pN]'.repeat(200)}`,
    '.*'.repeat(200),
  ],
  ...['(?:\\Q(((\\E){1000}(?:[)(]{999})', `${'('.repeat(600)}${')'.repeat(600)}{1000}`],
];

/** So many times what an innocent expression takes; the slowest takes six times that, whatever the machine. */
const MOST_TIMES = 9;

/** 50 ms; on a machine that is too slow for that, as much in terms of an expression that does no harm. */
function expectQuick(work: () => void): void {
  const ms = fewestMilliseconds(MOST_MS, work);
  const innocent = [routeOf({ headers: [{ name: 'x', pattern: '(?:.?){5}[0b]$' }] })];
  const request = requestOf('/', { headers: { x: TEXTS[0] ?? '' } });
  const match = () => compileRoutes(innocent).match(request);
  expect(ms).toBeLessThan(ms < MOST_MS ? MOST_MS : MOST_TIMES * fewestMilliseconds(0, match));
}

/** Titles that fit into a line. */
const named = (sources: readonly string[]) => sources.map((source) => [source.slice(0, 40), source] as const);

describe('no regular expression holds a hub up', () => {
  test.each(named(BOMBS))('%s takes less than 50 ms to compile and to match', (_title, source) => {
    const routes = [
      routeOf({ name: 'bomb', path: `~ ${source}`, rewrite: '/x' }),
      routeOf({ name: 'other' }),
    ];
    for (const text of TEXTS) {
      expectQuick(() => compileRoutes(routes).match(requestOf(text)));
    }
  });

  test.each(named(BOMBS))('%s takes less than 50 ms to compile and to match a header', (_title, pattern) => {
    const routes = [routeOf({ headers: [{ name: 'x', pattern }] })];
    for (const x of TEXTS) {
      const request = requestOf('/', { headers: { x } });
      expectQuick(() => compileRoutes(routes).match(request));
    }
  });

  test.each(named(TOO_LARGE))('%s is refused in less than 50 ms', (_title, source) => {
    const route = routeOf({ headers: [{ name: 'x', pattern: source.slice(0, 1_024) }], path: `~ ${source}` });
    const ms = fewestMilliseconds(MOST_MS, () => expect(() => compileRoutes([route])).toThrow(RouteError));
    expect(ms).toBeLessThan(MOST_MS);
  });
});

test.each([
  '^/users/([0-9]+)/orders/([^/]+)$',
  '^/u/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:/.*)?$',
  '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  '^/(\\d{4})/(\\d{2})/(\\d{2})/([a-z-]{1,100})$',
  '(?i)\\.(?:jpe?g|png|gif|webp|avif|svg|css|m?js|woff2?)$',
  '^/(?:api|internal)/v[0-9]+(?:\\.[0-9]+)?/(.*)$',
  '^Bearer [A-Za-z0-9._~+/-]+=*$',
  '^Mozilla/5\\.0 .*(?:Chrome|Firefox)/[0-9]+',
])('%s, as people write it, is allowed', (source) => {
  expect(compileExpression(source)).toMatchObject({ ok: true });
});

test.each([
  ['abc', 3],
  ['a{30}', 60],
  ['(?:ab){10}', 70],
  ['((a{10}){10}){10}', 2_000],
  ['[a-z(){9}]', 1],
  ['[]{9}]', 1],
  ['[^]{9}]', 1],
  ['[[:alpha:]{9}]', 1],
  ['\\Q(a{99}\\E', 10],
  ['\\{99}', 4],
  ['a{,9}', 5],
  ['x{2,}', 4],
])('the size of %s is estimated as about %d', (source, size) => {
  const estimate = estimatePatternSize(source);
  expect(estimate).toBeGreaterThanOrEqual(size);
  expect(estimate).toBeLessThanOrEqual(size * 2);
});

test('a pattern may hold any characters, also those that JavaScript counts as two', () => {
  const compiled = compileExpression('^(.)b$');
  if (!compiled.ok) throw new Error(compiled.message);
  expect(compiled.expression.search('😀b')?.(1)).toBe('😀');
  expect(compiled.expression.search('\u00e9b')?.(1)).toBe('\u00e9');
  expect(compiled.expression.search('bb\n')).toBeUndefined();
});
