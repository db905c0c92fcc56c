import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FENCE } from '../../router-core/exchange/frames.ts';
import { readScript } from '../../router-core/redis/connection/run-script.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile } from '../docs/markdown.ts';
import { definedBy, freeNames } from '../support/lua-names.ts';

// An include shares the local variables of the script that includes it. Its header names them, and this test compares.

const FOLDER = 'router-core/redis/scripts';
const namesIn = (folder: string) =>
  readdirSync(join(packageFolder(), folder))
    .filter((file) => file.endsWith('.lua'))
    .map((file) => basename(file, '.lua'));

const SCRIPTS = namesIn(FOLDER);
const INCLUDES = namesIn(`${FOLDER}/lib`).map((name) => `lib/${name}`);
const FILES = [...SCRIPTS, ...INCLUDES].map((name) => ({ name, text: readFile(`${FOLDER}/${name}.lua`) }));

/** Redis and Lua define these. */
const GLOBALS = new Set(
  'KEYS ARGV redis string table math tonumber tostring type ipairs pairs unpack'.split(' '),
);

/** The names that a header lists, for instance after "Needs:", also on the lines that go on below it. */
function listed(text: string, title: string): string[] {
  const [, list = ''] = new RegExp(`^-- ${title}: (.+(?:\\n-- {3,}.+)*)`, 'm').exec(text) ?? [];
  expect(list, `no "${title}:"`).not.toBe('');
  return list === 'none' ? [] : (list.replace(/\n--/g, ' ').match(/\w+/g) ?? []).sort();
}

const namesNeededBy = (source: string) =>
  freeNames(source)
    .filter((name) => !GLOBALS.has(name))
    .sort();

test.each(SCRIPTS)('%s.lua defines every name that it uses, and says what goes in and comes out', (name) => {
  expect(namesNeededBy(readScript(name).source)).toEqual([]);
  const [header = ''] = /^(?:#!.*\n)?(?:--.*\n)+/.exec(readFile(`${FOLDER}/${name}.lua`)) ?? [];
  for (const part of ['KEYS ', 'ARGV ', 'Returns ']) expect(header).toContain(`\n-- ${part}`);
});

test.each(INCLUDES)('%s.lua says which names it needs and which it defines', (name) => {
  const text = readFile(`${FOLDER}/${name}.lua`);
  expect(listed(text, 'Needs')).toEqual(namesNeededBy(readScript(name).source));
  expect(listed(text, 'Defines')).toEqual(definedBy(text).sort());
});

test('no line is longer than 140 columns', () => {
  const long = FILES.flatMap(({ name, text }) =>
    text.split('\n').flatMap((line, i) => (line.length > 140 ? [`${name}.lua:${i + 1}`] : [])),
  );
  expect(long).toEqual([]);
});

test('the fence has one home', () => {
  const literal = FILES.filter(({ text }) => text.includes(`${FENCE}-0`)).map(({ name }) => name);
  expect(literal).toEqual(['lib/fence']);
});

test('streams of lanes have a name for their place among the keys', () => {
  const numbered = FILES.filter(({ text }) => /KEYS\[\d+ \+/.test(text)).map(({ name }) => name);
  expect(numbered).toEqual([]);
});

describe('the names of a Lua text', () => {
  test.each([
    ['a global', 'return queue', ['queue']],
    ['fields, keys and strings are none', "local a = { b = 1, ['c'] = 2 } return a.d, a['e'] -- f", []],
    ['a parameter, only in its function', 'local function f(x) return x end return x', ['x']],
    ['a local, only in its block', 'if KEYS then local y = 1 end return y', ['KEYS', 'y']],
    ['a loop has its own', 'for i, v in ipairs(t) do v = i end return i', ['i', 'ipairs', 't']],
    ['a local is not there before its statement', 'local a = b local b = 1', ['b']],
  ])('%s', (_what, text, free) => {
    expect(freeNames(text).sort()).toEqual(free);
  });
});
