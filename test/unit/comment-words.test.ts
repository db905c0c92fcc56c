import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile } from '../docs/markdown.ts';

// A comment is a sentence with a subject, not a riddle whose answer is the next line.

const FOLDERS = ['router-core', 'router-api', 'router-cli', 'bench', 'scripts', 'test'];
const RIDDLE = /^(?:Of|What|Whether|That)\b/;

/** The comments of a source text: each with its lines joined by blanks. */
function commentsOf(path: string, text: string): string[] {
  const mark = path.endsWith('.lua') ? /^--(?!!) ?/ : /^(?:\/\*\*?|\/\/|\*\/?)(?: |$)/;
  const comments: string[] = [];
  let isInComment = false;
  for (const line of text.split('\n').map((each) => each.trim())) {
    const isComment = mark.test(line);
    if (isComment && (!isInComment || line.startsWith('/*'))) comments.push('');
    if (isComment) comments.push(`${comments.pop()} ${line.replace(mark, '').replace(/\*\/$/, '')}`.trim());
    isInComment = isComment;
  }
  return comments;
}

/** The comments that begin as a riddle. A question may begin so. */
function riddlesIn(path: string, text: string): string[] {
  return commentsOf(path, text)
    .filter((comment) => RIDDLE.test(comment) && !comment.endsWith('?'))
    .map((comment) => `${path}: ${comment}`);
}

const sources = FOLDERS.flatMap((folder) =>
  readdirSync(join(packageFolder(), folder), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  ),
).filter((path) => /\.(?:ts|mjs|lua)$/.test(path));

test('no comment begins with Of, What, Whether or That', () => {
  expect(sources.length).toBeGreaterThan(500);
  expect(sources.flatMap((path) => commentsOf(path, readFile(path))).length).toBeGreaterThan(3_000);
  expect(sources.flatMap((path) => riddlesIn(path, readFile(path)))).toEqual([]);
});

describe('the riddles of a text', () => {
  test.each([
    ['a.ts', '/** Of the group. */\nconst a = 1;'],
    ['a.ts', '  /**\n   * What this is,\n   * in two lines.\n   */'],
    ['a.ts', 'const a = 1;\n// Whether it counts.\nconst b = 2;'],
    ['a.ts', '/** The first. */\n/** That which is the second. */'],
    ['a.lua', 'local a = 1\n-- What remains.\n'],
  ])('%s: %s', (path, text) => {
    expect(riddlesIn(path, text)).toHaveLength(1);
  });

  test.each([
    ['a.ts', '// The group.\n// What follows is its second line.'],
    ['a.ts', '// What is the use of this?'],
    ['a.ts', "const text = 'Whether';\n/** Offers a place. */"],
    ['a.lua', '--!include lib/what\n-- Whatever the group holds.'],
  ])('%s has none: %s', (path, text) => {
    expect(riddlesIn(path, text)).toEqual([]);
  });
});
