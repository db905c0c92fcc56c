import { describe, expect, test } from 'vitest';
import { displayWidth, fit, printable, truncate } from '../../router-cli/terminal/printable.ts';
import { styleFor } from '../../router-cli/terminal/style.ts';
import { labelled, table } from '../../router-cli/terminal/table.ts';
import {
  durationInWords,
  elapsed,
  latencyInWords,
  memoryInWords,
  sizeInWords,
  timeInWords,
} from '../../router-cli/terminal/words.ts';
import { History } from '../../router-cli/top/history.ts';

const plain = styleFor({ isTTY: false }, {});

describe('text on a terminal', () => {
  test('obeys nothing that somebody else has written', () => {
    expect(printable('a\u001b[31mb\r\nc\u0007\u202ed')).toBe('a·[31mb··c··d');
    expect(printable('größer – 日本')).toBe('größer – 日本');
  });

  test('is as wide as it looks', () => {
    expect(displayWidth('日本 e\u0301 🎉')).toBe(9);
    expect(truncate('abcdef', 4)).toBe('abc…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(fit('ab', 4)).toBe('ab  ');
    expect(fit('ab', 4, { right: true })).toBe('  ab');
    expect(fit('日本語', 4)).toBe('日… ');
  });

  test('has colours on a terminal only, and never with NO_COLOR', () => {
    expect(styleFor({ isTTY: true }, {})('good', 'x')).toBe('\u001b[32mx\u001b[39m');
    for (const [isTTY, env] of [
      [false, {}],
      [true, { NO_COLOR: '1' }],
      [true, { TERM: 'dumb' }],
    ] as const) {
      expect(styleFor({ isTTY }, env)('good', 'x')).toBe('x');
    }
  });
});

test('latencies have two digits', () => {
  const shown = [null, 0.42, 9.96, 37.6, 999.6, 1_234, 42_000, 210_000, 600_000].map(latencyInWords);
  expect(shown).toEqual(['', '0.4ms', '10ms', '38ms', '1.0s', '1.2s', '42s', '3.5m', '10m']);
});

describe('tables', () => {
  const rows = [
    { name: 'a', about: 'something long', n: 1, empty: '' },
    { name: 'longer', about: '', n: 1_000, empty: '' },
  ];
  type Row = (typeof rows)[number];
  const columns = [
    { title: 'NAME', cell: (row: Row) => row.name },
    { title: 'N', cell: (row: Row) => String(row.n), right: true },
    { title: 'EMPTY', cell: (row: Row) => row.empty },
    { title: 'ABOUT', cell: (row: Row) => row.about },
  ];

  test('leave out what says nothing, and end without blanks', () => {
    expect(table(rows, columns, { columns: undefined, style: plain })).toEqual([
      'NAME       N  ABOUT',
      'a          1  something long',
      'longer  1000',
    ]);
  });

  test.each([80, 28, 27, 20, 15, 5, 1])('fit %i columns', (width) => {
    for (const line of table(rows, columns, { columns: width, style: plain })) {
      expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  test('leave out what is optional before they cut', () => {
    const optional = columns.map((column) => ({ ...column, optional: column.title === 'N' }));
    expect(table(rows, optional, { columns: 22, style: plain })[1]).toBe('a       something long');
  });

  test('labelled values are cut, too', () => {
    expect(
      labelled(
        [
          ['a', 'b'],
          ['long', 'c'.repeat(20)],
        ],
        { columns: 12, style: plain },
      ),
    ).toEqual(['a     b', 'long  ccccc…']);
  });
});

test('times and sizes in words', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  const at = (ms: number) => timeInWords(new Date(now + ms).toISOString(), now);
  expect([-200, -3_000, -200_000, -7_300_000, -3 * 86_400_000].map(at)).toEqual([
    'now',
    '3s ago',
    '3m ago',
    '2h ago',
    '3d ago',
  ]);
  expect([90 * 86_400_000 - 900, 3_600_000].map(at)).toEqual(['in 90d', 'in 1h']);
  expect([null, undefined, 'x'].map((value) => timeInWords(value, now))).toEqual(['', '', '']);
  expect([0, 250, 30_000, 90_000, 3_600_000, 86_400_000].map(durationInWords)).toEqual([
    '0',
    '250ms',
    '30s',
    '90s',
    '1h',
    '1d',
  ]);
  expect([24_683_652 * 1024, 85_899_345_920, 1_610_612_736, 536_870_912].map(memoryInWords)).toEqual([
    '24 GiB',
    '80 GiB',
    '1.5 GiB',
    '512 MiB',
  ]);
  expect([0, 1_000, 65_536, 104_857_600].map(sizeInWords)).toEqual(['0', '1000', '64KiB', '100MiB']);
  expect([840, 3_400, 130_000].map(elapsed)).toEqual(['840ms', '3s', '2m']);
});

test('a line of bars shows the last values, newest at the right', () => {
  const history = new History();
  for (const value of [0, 2, 4]) history.add(new Map([['a', value]]));
  expect(history.line('a', 5)).toBe('  ▁▅█');
  expect(history.line('a', 2)).toBe('▅█');
  expect(history.line('b', 2)).toBe('  ');
  expect(history.line('a', 0)).toBe('');
  history.add(new Map());
  expect(history.line('a', 2)).toBe('  ');
});
