import type { Command, Option } from 'commander';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { ApiClient } from '../api/client.ts';
import { chooseTarget } from '../contexts/choose-context.ts';
import { contextFilePath, readContexts } from '../contexts/context-file.ts';
import type { Surroundings } from '../surroundings.ts';
import { COMPLETION_SCRIPTS, SHELLS } from './completion-script.ts';

/** The person waits after pressing the tab key. */
const NAMES_WITHIN_MS = 1_500;
const MOST_NAMES = 1_000;

export function completionCommands(program: Command, surroundings: Surroundings): void {
  program
    .command('completion <shell>')
    .description(`print the script with which ${SHELLS.join(', ')} complete commands, flags and names`)
    .action((wanted: string) => {
      const shell = SHELLS.find((each) => each === wanted);
      if (!shell) throw new CommandError(`"${wanted}" is none of ${SHELLS.join(', ')}`);
      process.stdout.write(COMPLETION_SCRIPTS[shell]);
    });

  program.command('complete [words...]', { hidden: true }).action(async (words: string[]) => {
    const offered = await complete(program, words, surroundings);
    process.stdout.write(offered.map((each) => `${each}\n`).join(''));
  });
}

/** The candidates for the last word that begin like it. */
async function complete(
  program: Command,
  words: readonly string[],
  surroundings: Surroundings,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const { command, rest } = commandAt(program, words.slice(0, -1));
  const before = rest.at(-1) ?? '';
  const option = before.startsWith('-') ? optionNamed(command, before) : undefined;
  const candidates = await candidatesFor(
    { command, option, current, hasArgument: rest.length > 0 },
    surroundings,
  );
  // In a list with commas, only the last item is incomplete.
  const done = option && current.includes(',') ? current.slice(0, current.lastIndexOf(',') + 1) : '';
  return [...new Set(candidates)].map((each) => done + each).filter((each) => each.startsWith(current));
}

/** The command that the words name, and the rest of them. */
function commandAt(
  program: Command,
  words: readonly string[],
): { command: Command; rest: readonly string[] } {
  let command = program;
  for (const [i, word] of words.entries()) {
    const inner = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (!inner) return { command, rest: words.slice(i) };
    command = inner;
  }
  return { command, rest: [] };
}

function optionNamed({ options }: Command, word: string): Option | undefined {
  const option = options.find(({ long, short }) => word === long || word === short);
  return option?.required ? option : undefined;
}

interface Place {
  readonly command: Command;
  /** The option whose value is incomplete. */
  readonly option: Option | undefined;
  readonly current: string;
  readonly hasArgument: boolean;
}

async function candidatesFor(
  { command, option, current, hasArgument }: Place,
  surroundings: Surroundings,
): Promise<string[]> {
  if (option) return valuesOf(option, surroundings);
  if (current.startsWith('-')) {
    return [...command.options.flatMap(({ long }) => long ?? []), '--help'];
  }
  if (command.commands.length > 0) {
    return command
      .createHelp()
      .visibleCommands(command)
      .map((each) => each.name());
  }
  const [first] = command.registeredArguments;
  if (command.name() === 'completion') return hasArgument ? [] : [...SHELLS];
  if (!first || (hasArgument && !first.variadic) || command.name() === 'add') return [];
  const parent = command.parent?.name() ?? '';
  if (parent === 'context') return contextNames(surroundings);
  if (parent === 'requests') {
    return namesFrom(command.name() === 'forget' ? '/v1/dead' : '/v1/requests', 'id', surroundings);
  }
  const kind = OBJECT_KINDS.find((each) => each === parent);
  return kind && first.name() === 'name' ? objectNames(kind, surroundings) : [];
}

function valuesOf({ flags, long }: Option, surroundings: Surroundings): Promise<string[]> | string[] {
  const choices = /<([\w-]+(?:\|[\w-]+)+)>/.exec(flags)?.[1];
  if (choices !== undefined) return choices.split('|');
  if (long === '--context') return contextNames(surroundings);
  if (long === '--group' || long === '--to') return objectNames('group', surroundings);
  return long === '--actor' ? objectNames('admin', surroundings) : [];
}

async function contextNames({ env }: Surroundings): Promise<string[]> {
  return Object.keys((await readContexts(contextFilePath(env))).contexts);
}

function objectNames(kind: ObjectKind, surroundings: Surroundings): Promise<string[]> {
  return namesFrom(`/v1/${LIST_OF[kind]}`, 'name', surroundings);
}

/** Empty when the API cannot be reached: a completing shell shows no errors. */
async function namesFrom(path: string, field: string, { env }: Surroundings): Promise<string[]> {
  try {
    const api = new ApiClient(await chooseTarget(env, undefined));
    const signal = AbortSignal.timeout(NAMES_WITHIN_MS);
    const { body } = await api.call('GET', path, { query: { limit: MOST_NAMES }, signal });
    return (body as { items: Record<string, string>[] }).items.map((item) => item[field] ?? '');
  } catch {
    return [];
  }
}
