import { Option, type Command } from 'commander';
import { count as wholeNumber, fromText, type OptionType } from '../../router-core/runtime/options.ts';

/** One flag of a command. Unlike the settings of a server it has no variable. */
export interface Flag<T> {
  /** In the syntax of commander. */
  readonly flag: string;
  readonly about: string;
  readonly type: OptionType<T>;
}

export type FlagReader<T> = () => T | undefined;

/**
 * Adds the flag to `command` and returns a function that reads its value once the command runs. A wrong value ends the
 * command.
 */
export function useFlag<T>(command: Command, { flag, about, type }: Flag<T>): FlagReader<T> {
  const option = new Option(flag, about);
  command.addOption(option);
  return () => {
    const given: unknown = command.getOptionValue(option.attributeName());
    if (given === undefined) return undefined;
    return parseValue(command, { option, type }, given === true ? 'true' : (given as string));
  };
}

/** The same for a flag that may be given several times, and whose values `separator` may separate. */
export function useListFlag<T>(
  command: Command,
  { flag, about, type, separator }: Flag<T> & { separator?: string | undefined },
): FlagReader<T[]> {
  const option = new Option(flag, about);
  option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  command.addOption(option);
  return () => {
    const given = command.getOptionValue(option.attributeName()) as string[] | undefined;
    const texts = separator === undefined ? given : given?.flatMap((text) => text.split(separator));
    return texts?.map((text) => parseValue(command, { option, type }, text));
  };
}

function parseValue<T>(
  command: Command,
  { option, type }: { option: Option; type: OptionType<T> },
  text: string,
): T {
  const result = type.safeParse(text);
  if (result.success) return result.data;
  const problem = result.error.issues[0]?.message ?? 'invalid value';
  return command.error(`error: ${option.long ?? option.flags}: ${problem}`);
}

/** Any text; the API checks it. */
export function anyText(): OptionType<string> {
  return fromText('a text', (text) => text);
}

/** True when the changes should only be shown. */
export function useDryRun(command: Command): () => boolean {
  const dryRun = useFlag(command, {
    flag: '--dry-run',
    about: 'only show the changes',
    type: anyText(),
  });
  return () => dryRun() !== undefined;
}

/** The query of the API for a dry run. */
export function dryRunQuery(dryRun: boolean) {
  return { dryRun: dryRun ? 'true' : undefined };
}

/** The most that a list shows. */
export function useLimit(command: Command, most = 100_000): () => number {
  const limit = useFlag(command, {
    flag: '--limit <n>',
    about: 'at most so many (default: 100)',
    type: wholeNumber({ from: 1, to: most }),
  });
  return () => limit() ?? 100;
}

const MS_PER_UNIT: Record<string, number> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** A time from now (`12h`, `90d`, `1y`), a point in time, or `never`: ISO 8601, null for never. */
export function expiry(): OptionType<string | null> {
  return fromText('how long from now (12h, 90d, 1y), a time (2027-01-31T12:00:00Z) or never', (text) => {
    if (text === 'never') return null;
    const [, digits, unit = ''] = /^([1-9]\d{0,5})([mhdwy])$/.exec(text) ?? [];
    const now = Date.now();
    const at = digits === undefined ? readTime(text) : now + Number(digits) * (MS_PER_UNIT[unit] ?? NaN);
    return at > now && at < 8.64e15 ? new Date(at).toISOString() : undefined;
  });
}

/** A day, or a time with its zone: without one, the time would depend on the machine. */
function readTime(text: string): number {
  return /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : NaN;
}
