import type { Command } from 'commander';
import { ApiClient } from '../api/client.ts';
import { chooseTarget, type ChosenTarget } from '../contexts/choose-context.ts';
import { confirm } from '../terminal/ask.ts';
import { showProgress } from '../terminal/progress.ts';
import { styleFor } from '../terminal/style.ts';
import type { TableSpace } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { anyText, useFlag } from './flags.ts';

/** Results: as JSON with --json, else as text that fits the terminal. */
export interface Output extends TableSpace {
  readonly json: boolean;
  /** `lines` is only asked when they are what is wanted. */
  readonly show: (value: unknown, lines: () => readonly string[]) => void;
  /** For people, on stderr. */
  readonly note: (text: string) => void;
}

/** A command that runs, and what it was given. */
export interface Invocation {
  readonly args: readonly string[];
  readonly out: Output;
  readonly surroundings: Surroundings;
  /** Goes on, or throws. */
  readonly confirm: (question: string) => Promise<void>;
}

export interface ApiInvocation extends Invocation {
  readonly api: ApiClient;
  readonly target: ChosenTarget;
}

export interface CommandShape {
  readonly name: string;
  /** As commander writes arguments: `<name>`, `[file]`, `<id…>` is `<id...>`. */
  readonly args?: string;
  readonly about: string;
  /** What --json prints. */
  readonly json: string;
  /** It asks first: it gets --yes. */
  readonly asks?: boolean;
}

/** A command with --json that needs no API. */
export function addCommand(
  parent: Command,
  { name, args = '', about, json, asks = false }: CommandShape,
): Command {
  const command = parent.command(`${name} ${args}`.trim()).description(about);
  command.option('--json', `print JSON: ${json}`);
  if (asks) command.option('-y, --yes', 'do not ask');
  return command;
}

export function runs(
  command: Command,
  surroundings: Surroundings,
  run: (invocation: Invocation) => Promise<void>,
): void {
  command.action(() => run(invocationOf(command, surroundings)));
}

/** Adds a command that asks the API; `setUp` gives it more flags and answers what it does. */
export function addApiCommand(
  parent: Command,
  surroundings: Surroundings,
  shape: CommandShape & { setUp: (command: Command) => (invocation: ApiInvocation) => Promise<void> },
): Command {
  const command = addCommand(parent, shape);
  const run = shape.setUp(command);
  const context = useFlag(command, {
    flag: '--context <name>',
    about: 'whom to talk to, instead of the current context',
    type: anyText(),
  });
  return command.action(async () => {
    const target = await chooseTarget(surroundings.env, context());
    await run({ ...invocationOf(command, surroundings), target, api: new ApiClient(target, showProgress) });
  });
}

function invocationOf(command: Command, surroundings: Surroundings): Invocation {
  const options = command.opts<{ json?: boolean; yes?: boolean }>();
  return {
    // An argument of several texts is a list.
    args: (command.processedArgs as (string | string[] | undefined)[]).flatMap((arg) => arg ?? []),
    out: openOutput(surroundings, { json: options.json ?? false }),
    surroundings,
    confirm: (question) => confirm(question, { yes: options.yes ?? false }),
  };
}

function openOutput({ env }: Surroundings, { json }: { json: boolean }): Output {
  const { stdout, stderr } = process;
  return {
    json,
    columns: stdout.isTTY ? stdout.columns : undefined,
    style: styleFor(stdout, env),
    show(value, lines) {
      const text = json ? JSON.stringify(value, null, 2) : lines().join('\n');
      stdout.write(text === '' ? '' : `${text}\n`);
    },
    note(text) {
      stderr.write(`${text}\n`);
    },
  };
}
