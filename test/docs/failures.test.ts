import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { PROBLEMS } from '../../router-core/http/problems.ts';
import { readFile, tableRows } from './markdown.ts';

const rows = tableRows(readFile('docs/failures.md'));

/** The problem in the last cell of a row, which should be a link to a test file and, after a colon, a title in it. */
function wrongTest(cell = ''): string | undefined {
  const [, path, title] = /^\[[\w-]+\]\(\.\.\/(test\/[\w/.-]+)\)(?:: (.+))?$/.exec(cell) ?? [];
  if (path === undefined) return `no link to a test: ${cell}`;
  if (!existsSync(join(packageFolder(), path))) return `no such file: ${path}`;
  return title === undefined || readFile(path).includes(title) ? undefined : `not in ${path}: ${title}`;
}

test('docs/failures.md says of each failure what is seen, what to do, and which test shows it', () => {
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => row.length !== 5 || row.includes(''))).toEqual([]);
  expect(rows.map((row) => wrongTest(row.at(-1))).filter((wrong) => wrong !== undefined)).toEqual([]);
});

test('a test that does not exist is noticed', () => {
  expect(wrongTest('none')).toMatch(/^no link/);
  expect(wrongTest('[gone](../test/faults/gone.test.ts)')).toMatch(/^no such file/);
  expect(wrongTest('[soak](../test/faults/soak.test.ts): peace and quiet')).toMatch(/^not in/);
  expect(wrongTest('[soak](../test/faults/soak.test.ts): every promise is kept')).toBeUndefined();
});

test('docs/failures.md names no error code that does not exist', () => {
  const named = rows.flatMap((row) =>
    [...(row[1] ?? '').matchAll(/\b[45]\d\d `([\w-]+)`/g)].map(([, code]) => code),
  );
  expect(named).toContain('agent-lost');
  expect(named.filter((code) => !Object.keys(PROBLEMS).includes(code ?? ''))).toEqual([]);
});
