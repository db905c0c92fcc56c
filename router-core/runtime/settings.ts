import { Option } from 'commander';
import type { Command } from 'commander';
import type { z } from 'zod';

/**
 * One flag of a command, and its variable. The settings of a command are one table, from which `--help`, the parser and the
 * frozen config object are made.
 */
export interface Setting {
  /** In the syntax of commander: `--port <port>`, `--access-log [true|false]`. */
  readonly flag: `--${string}`;
  readonly about: string;
  /** Parses the text of the flag (a list: all its texts). `.optional()` when the flag may be absent. */
  readonly type: z.ZodType;
  /** As a person would type it, and as `--help` shows it. A setting without default that is not optional is required. */
  readonly default?: string;
  /** The variable, when its name is not ROUTER_ and the flag's name. */
  readonly env?: string;
  /** When true, `--no-<flag>` means `--<flag> false`. */
  readonly negatable?: true;
  /** A flag that may be given several times. */
  readonly list?: ListSyntax;
}

/** The separators of several values: in one flag (absent: none) and in the variable. */
export interface ListSyntax {
  readonly inFlag?: RegExp;
  readonly inEnv: RegExp;
}

export type Settings = Readonly<Record<string, Setting>>;

/** The config object of a table of settings: one field per entry. */
export type ConfigOf<S extends Settings> = { readonly [K in keyof S]: z.output<S[K]['type']> };

/**
 * Adds the flags in `settings` to `command`, and makes it call `run` with their values. Flags take precedence over variables.
 */
export function useSettings<S extends Settings>(
  command: Command,
  settings: S,
  run: (config: ConfigOf<S>) => Promise<void>,
): Command {
  const options = Object.entries(settings).map(([field, setting]) => ({
    field,
    setting,
    ...optionOf(setting),
  }));
  for (const { option, setting } of options) {
    command.addOption(option);
    if (setting.negatable) command.addOption(new Option(`--no-${option.name()}`).hideHelp());
  }

  return command.action(async () => {
    const config: Record<string, unknown> = {};
    for (const { field, setting, option, env } of options) {
      const name = option.attributeName();
      const given: unknown = command.getOptionValue(name);
      // A flag without its optional value: `--access-log`.
      const raw = typeof given === 'boolean' ? String(given) : given;
      const fromEnv = command.getOptionValueSource(name) === 'env';
      const result = setting.type.safeParse(setting.list ? splitList(raw, setting.list, { fromEnv }) : raw);
      if (!result.success) {
        const problem = result.error.issues[0]?.message ?? 'invalid value';
        const long = option.long ?? setting.flag;
        const line =
          raw === undefined ? `${long} is required (or ${env})` : `${fromEnv ? env : long}: ${problem}`;
        command.error(`error: ${line}`);
      }
      config[field] = deepFreeze(result.data);
    }
    await run(Object.freeze(config) as ConfigOf<S>);
  });
}

/**
 * commander keeps the texts, and they are parsed above, in one place: its own messages would repeat the value, which may be a
 * password, and it would read `ROUTER_ACCESS_LOG=false` as true.
 */
function optionOf(setting: Setting): { option: Option; env: string } {
  const option = new Option(setting.flag, setting.about);
  const env = setting.env ?? `ROUTER_${option.name().toUpperCase().replaceAll('-', '_')}`;
  option.env(env);
  if (setting.default !== undefined) option.default(setting.default, setting.default);
  option.argParser((value: string, previous: unknown) => {
    if (!setting.list) return value;
    // The default is a string and given values are an array, so the first given value replaces the default.
    return Array.isArray(previous) ? [...(previous as string[]), value] : [value];
  });
  return { option, env };
}

function splitList(
  raw: unknown,
  syntax: ListSyntax,
  { fromEnv }: { fromEnv: boolean },
): string[] | undefined {
  if (raw === undefined) return undefined;
  const texts = (Array.isArray(raw) ? raw : [raw]) as string[];
  const separator = fromEnv ? syntax.inEnv : syntax.inFlag;
  return separator === undefined ? texts : texts.flatMap((text) => text.split(separator));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
