import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { markdownFiles, readFile, withoutCode } from './markdown.ts';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;

/** Anchors as the usual renderers make them of headings: lower case, without punctuation, blanks as dashes. */
function anchors(path: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of withoutCode(readFile(path)).matchAll(/^#{1,6} (.+)$/gm)) {
    const base = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let n = 1; found.has(anchor); n += 1) anchor = `${base}-${n}`;
    found.add(anchor);
  }
  return found;
}

function linksOf(path: string): string[] {
  const targets = [...withoutCode(readFile(path)).matchAll(LINK)].map((match) => match[1] ?? '');
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function isBroken(path: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : join(dirname(path), file);
  if (target.startsWith('..') || !existsSync(join(packageFolder(), target))) return true;
  return anchor !== undefined && !anchors(target).has(anchor);
}

test('every link in a Markdown file leads to a file and a heading that exist', () => {
  const files = markdownFiles();
  expect(files).toContain('README.md');
  expect(files.flatMap(linksOf).length).toBeGreaterThan(30);

  const broken = files.flatMap((path) =>
    linksOf(path)
      .filter((link) => isBroken(path, link))
      .map((link) => `${path}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('a link to a missing file or heading is noticed', () => {
  expect(isBroken('README.md', 'docs/nowhere.md')).toBe(true);
  expect(isBroken('README.md', 'docs/protocol.md#nowhere')).toBe(true);
  expect(isBroken('README.md', '../outside.md')).toBe(true);
  expect(isBroken('README.md', 'docs/protocol.md#keys')).toBe(false);
});

test('every decision is numbered without a gap, has its four parts, and is no longer than 25 lines', () => {
  const records = markdownFiles('docs/decisions').sort();
  const numbers = records.map((path) => path.slice('docs/decisions/'.length).slice(0, 4));
  expect(numbers).toEqual(records.map((_, i) => String(i + 1).padStart(4, '0')));

  const tooLong = records.filter((path) => readFile(path).trimEnd().split('\n').length > 25);
  expect(tooLong).toEqual([]);
  const parts = ['Context', 'Decision', 'Consequences', 'How it was checked'];
  const incomplete = records.filter((path) => parts.some((part) => !readFile(path).includes(`**${part}.**`)));
  expect(incomplete).toEqual([]);
});
