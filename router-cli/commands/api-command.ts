import type { Command } from 'commander';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { ApiClient } from '../api/client.ts';
import { chooseTarget, type ChosenTarget } from '../contexts/choose-context.ts';
import { confirm } from '../terminal/ask.ts';
import { showProgress } from '../terminal/progress.ts';
import { styleFor } from '../terminal/style.ts';
import type { TableSpace } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { anyText, useFlag } from './flags.ts';

type Format = 'text' | 'wide' | 'json' | 'yaml';

/** Prints results: as JSON or YAML when requested, else as text that fits the terminal. */
export interface Output extends TableSpace {
  /** True for JSON and YAML, where a result is one complete value. */
  readonly isData: boolean;
  readonly format: Format;
  /** `lines` is only called for text. */
  readonly show: (value: unknown, lines: () => readonly string[]) => void;
  /** For people, on stderr. */
  readonly note: (text: string) => void;
}

const FORMATS: readonly Format[] = ['json', 'yaml', 'wide'];

const WATCH_MS = 2_000;

/** A running command with its arguments. */
export interface Invocation {
  readonly args: readonly string[];
  readonly out: Output;
  readonly surroundings: Surroundings;
  /** Returns, or throws when the person says no. */
  readonly confirm: (question: string) => Promise<void>;
}

export interface ApiInvocation extends Invocation {
  readonly api: ApiClient;
  readonly target: ChosenTarget;
}

export interface CommandShape {
  readonly name: string;
  /** In the syntax of commander: `<name>`, `[file]`; `<id…>` stands for `<id...>`. */
  readonly args?: string;
  readonly about: string;
  /** The description of the output of --json. */
  readonly json: string;
  /** True for a command that asks first: it gets --yes. */
  readonly asks?: boolean;
  /** True for a command that may be repeated: it gets --watch. */
  readonly watch?: boolean;
}

/** A command with --json that needs no API. */
export function addCommand(
  parent: Command,
  { name, args = '', about, json, asks = false }: CommandShape,
): Command {
  const command = parent.command(`${name} ${args}`.trim()).description(about);
  command.option('--json', `print JSON: ${json}`);
  command.option('-o, --output <json|yaml|wide>', 'print JSON, the same as YAML, or tables that are not cut');
  if (asks) command.option('-y, --yes', 'do not ask');
  return command;
}

export function runs(
  command: Command,
  surroundings: Surroundings,
  run: (invocation: Invocation) => Promise<void>,
): void {
  command.action(async () => run(await invocationOf(command, surroundings)));
}

/** Adds a command that calls the API; `setUp` adds flags and returns the action. */
export function addApiCommand(
  parent: Command,
  surroundings: Surroundings,
  shape: CommandShape & { setUp: (command: Command) => (invocation: ApiInvocation) => Promise<void> },
): Command {
  const command = addCommand(parent, shape);
  const run = shape.setUp(command);
  const context = useFlag(command, {
    flag: '--context <name>',
    about: 'the context to use instead of the current one',
    type: anyText(),
  });
  if (shape.watch) command.option('-w, --watch', 'keep running, and print it again whenever it changes');
  return command.action(async () => {
    const target = await chooseTarget(surroundings.env, context());
    const watch = command.getOptionValue('watch') === true;
    const invocation = await invocationOf(command, surroundings);
    // A repeated command would show its progress again and again.
    const api = new ApiClient(target, watch ? undefined : showProgress);
    for (;;) {
      await run({ ...invocation, target, api });
      if (!watch) return;
      await sleep(WATCH_MS);
    }
  });
}

async function invocationOf(command: Command, surroundings: Surroundings): Promise<Invocation> {
  const options = command.opts<{ json?: boolean; output?: string; yes?: boolean }>();
  const format = options.json ? 'json' : (FORMATS.find((each) => each === options.output) ?? 'text');
  if (options.output !== undefined && format === 'text') {
    command.error(`error: --output: "${options.output}" is none of json, yaml, wide`);
  }
  // Imported here: loading it takes a fifth of the time that a command needs to start.
  const toYaml = format === 'yaml' ? (await import('yaml')).stringify : undefined;
  return {
    // An argument with several texts is a list.
    args: (command.processedArgs as (string | string[] | undefined)[]).flatMap((arg) => arg ?? []),
    out: openOutput(surroundings, { format, toYaml }),
    surroundings,
    confirm: (question) => confirm(question, { yes: options.yes ?? false }),
  };
}

interface OutputOptions {
  readonly format: Format;
  readonly toYaml: ((value: unknown) => string) | undefined;
}

/** With --watch, a result is printed only when it differs from the last one. */
function openOutput({ env }: Surroundings, { format, toYaml }: OutputOptions): Output {
  const { stdout, stderr } = process;
  const isData = format === 'json' || format === 'yaml';
  const textOf = (value: unknown, lines: () => readonly string[]) => {
    if (toYaml) return toYaml(value).trimEnd();
    return isData ? JSON.stringify(value, null, 2) : lines().join('\n');
  };
  let last: string | undefined;
  let lastNote: string | undefined;
  return {
    isData,
    format,
    columns: stdout.isTTY && format !== 'wide' ? stdout.columns : undefined,
    style: styleFor(stdout, env),
    show(value, lines) {
      const text = textOf(value, lines);
      if (text === last) return;
      // Separates the documents of YAML.
      const between = last === undefined ? '' : toYaml ? '---\n' : isData ? '' : '\n';
      last = text;
      stdout.write(text === '' ? '' : `${between}${text}\n`);
    },
    note(text) {
      if (text === lastNote) return;
      lastNote = text;
      stderr.write(`${text}\n`);
    },
  };
}
