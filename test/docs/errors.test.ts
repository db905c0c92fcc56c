import { expect, test } from 'vitest';
import { PROBLEMS } from '../../router-core/http/problems.ts';
import { readFile, section, tableRows } from './markdown.ts';

const rows = tableRows(section(readFile('docs/errors.md'), '## Codes'));

test('docs/errors.md lists every error with its status and whether the upstream may have run the request', () => {
  const documented = rows.map(([code, status, executed]) => ({ code, status: Number(status), executed }));
  const known = Object.entries(PROBLEMS).map(([code, { status, executed }]) => ({ code, status, executed }));

  expect(documented.toSorted(byCode)).toEqual(known.toSorted(byCode));
});

test('docs/errors.md says of every error when it happens and what to do', () => {
  const silent = rows.filter(([, , , when = '', what = '']) => when === '' || what === '');

  expect(silent).toEqual([]);
});

function byCode(a: { code: string | undefined }, b: { code: string | undefined }): number {
  return (a.code ?? '').localeCompare(b.code ?? '');
}
