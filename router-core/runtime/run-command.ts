import { Command, CommanderError } from 'commander';
import { packageVersion } from './package-info.ts';

/** An error that the user must fix, printed as one line; exit code 2 (or `exitCode`). */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, { exitCode = 2 } = {}) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A program that prints usage errors as one line on stderr. Its subcommands inherit that. */
export function createProgram({ name, about }: { name: string; about: string }): Command {
  return new Command(name)
    .description(about)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const hint = text.includes('unknown command') ? `; \`${name} --help\` shows all` : '';
        write(`${name}: ${text.trim().replace(/\s*\n\s*/g, ' ')}${hint}\n`);
      },
    });
}

/**
 * Runs the program with the arguments of this process. Exit codes: 0 help and version, 2 a wrong flag or value, 1 any other
 * error. A command that keeps running (a server) ends the process itself.
 */
export async function runProgram(program: Command, argv: readonly string[] = process.argv): Promise<void> {
  dropEmptyVariables();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exit(reportFailure(program.name(), error));
  }
}

/** Compose files and unit files pass `ROUTER_PORT=` for "not set". */
function dropEmptyVariables(): void {
  for (const [key, value] of Object.entries(process.env)) {
    if (key.startsWith('ROUTER_') && value === '') delete process.env[key];
  }
}

function reportFailure(name: string, error: unknown): number {
  // commander has already printed its line, or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CommandError) {
    process.stderr.write(`${name}: error: ${error.message}\n`);
    return error.exitCode;
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${name}: unexpected failure: ${what}\n`);
  return 1;
}
