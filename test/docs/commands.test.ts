import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { agentSettings } from '../../router-core/agent/settings.ts';
import { hubSettings } from '../../router-core/hub/settings.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import type { Settings } from '../../router-core/runtime/settings.ts';
import { apiSettings } from '../../router-api/settings.ts';
import { createCli } from '../../router-cli/program.ts';
import { codeLines, readFile } from './markdown.ts';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'docs/metrics.md',
  'docs/configuration.md',
  'docs/operations.md',
  'docs/settings.md',
];

const flagsOf = (settings: Settings) => Object.values(settings).map(({ flag }) => flag.split(' ')[0] ?? '');

/** The parts, with the flags they know. */
const PARTS: Record<string, string[]> = {
  'router-core hub': flagsOf(hubSettings),
  'router-core agent': flagsOf(agentSettings),
  'router-api': flagsOf(apiSettings),
};

/** The commands after `bin/`, with the flags of each. */
const COMMANDS: Record<string, string[]> = { ...PARTS, ...commandsOf(createCli({ env: {}, script: '' })) };

function commandsOf(command: Command, before = ''): Record<string, string[]> {
  const name = `${before}${command.name()}`;
  if (command.commands.length === 0) return { [name]: command.options.flatMap(({ long }) => long ?? []) };
  return Object.assign({}, ...command.commands.map((each) => commandsOf(each, `${name} `))) as Record<
    string,
    string[]
  >;
}

const scripts = (JSON.parse(readFile('package.json')) as { scripts: Record<string, string> }).scripts;

/** The unknown commands and flags in a line after `bin/`. */
function unknownIn(typed: string): string[] {
  const command = Object.keys(COMMANDS).find((name) => `${typed} `.startsWith(`${name} `));
  if (command === undefined) return [typed.split(' --')[0] ?? typed];
  const known = COMMANDS[command] ?? [];
  const flags = typed.match(/(?<= )--[a-z-]+/g) ?? [];
  return flags.filter((flag) => !known.includes(flag)).map((flag) => `${command} ${flag}`);
}

describe.each(PAGES)('%s', (page) => {
  const text = readFile(page);

  test('names no npm script that does not exist', () => {
    const named = [...text.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w-]+)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test('names no launcher that does not exist', () => {
    const named = [...text.matchAll(/\bbin\/(router-\w+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !existsSync(join(packageFolder(), 'bin', name)))).toEqual([]);
  });

  test('gives commands only flags that they know', () => {
    const unknown = codeLines(text).flatMap((line) => {
      const [, typed = ''] = /\bbin\/(router-.*)$/.exec(line) ?? [];
      return typed === '' ? [] : typed.split(/ \| bin\//).flatMap(unknownIn);
    });
    expect(unknown).toEqual([]);
  });
});

test('a flag or a command that does not exist is noticed', () => {
  expect(unknownIn('router-core hub --redis redis://localhost --group a=/*')).toEqual([]);
  expect(unknownIn('router-core hub --upstream http://localhost')).toEqual(['router-core hub --upstream']);
  expect(unknownIn('router-core proxy --redis redis://localhost')).toEqual(['router-core proxy']);
});

test('README.md shows how to run each part by hand', () => {
  const lines = codeLines(readFile('README.md')).join('\n');
  for (const command of [...Object.keys(PARTS), 'router-cli up', 'router-cli admin init'])
    expect(lines).toContain(`bin/${command} `);
});
