import { runProgram } from '../router-core/runtime/run-command.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createCli } from './program.ts';
import { spellOut } from './spellings.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs router-cli with these words, to the end of the process when the output cannot be written. */
export async function runCli(words: readonly string[], surroundings: Surroundings): Promise<void> {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // `| head` has seen enough, `| less` was left.
    if (code === 'EPIPE') process.exit(EXIT_CODES.unread.code);
    process.stderr.write(`router-cli: error: cannot write the output: ${message}\n`);
    process.exit(EXIT_CODES.failed.code);
  });
  const argv = [process.execPath, surroundings.script, ...spellOut(words)];
  await runProgram(createCli(surroundings), argv);
}
