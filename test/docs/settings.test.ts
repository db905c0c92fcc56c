import { hostname } from 'node:os';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { agentSettings } from '../../router-core/agent/settings.ts';
import { apiSettings } from '../../router-api/settings.ts';
import { hubSettings } from '../../router-core/hub/settings.ts';
import { useSettings, type Setting, type Settings } from '../../router-core/runtime/settings.ts';
import { readFile, section, tableRows } from './markdown.ts';

const text = readFile('docs/settings.md');

function defaultOf(setting: Setting): string {
  if (setting.default === hostname()) return "the host's name";
  if (setting.default !== undefined) return setting.default;
  return setting.type.safeParse(undefined).success ? 'none' : 'required';
}

/** Flag, variable and default, as the command itself has them. */
function actual(settings: Settings): string[][] {
  const { options } = useSettings(new Command(), settings, () => Promise.resolve());
  return Object.values(settings).map((setting) => {
    const variable = options.find(({ flags }) => flags === setting.flag)?.envVar ?? '';
    return [setting.flag, variable, defaultOf(setting)];
  });
}

describe.each([
  { command: 'router-core hub', settings: hubSettings as Settings },
  { command: 'router-core agent', settings: agentSettings as Settings },
  { command: 'router-api', settings: apiSettings as Settings },
])('docs/settings.md has of $command', ({ command, settings }) => {
  const rows = tableRows(section(text, `## ${command}`));

  test('every flag with its variable and its default, in the order of --help, and no others', () => {
    expect(rows.map((row) => row.slice(0, 3))).toEqual(actual(settings));
  });

  test('a description of each', () => {
    expect(rows.filter(([, , , what = '']) => what === '')).toEqual([]);
  });

  test('what 0 means, wherever it may be given', () => {
    const mayBeZero = Object.values(settings)
      .filter(({ flag, type }) => / <(n|port|size|duration)>$/.test(flag) && type.safeParse('0').success)
      .map<string>(({ flag }) => flag);
    const silent = rows.filter(
      ([flag = '', , , what = '']) => mayBeZero.includes(flag) && !/\b0\b/.test(what),
    );
    expect(mayBeZero).not.toEqual([]);
    expect(silent).toEqual([]);
  });
});
