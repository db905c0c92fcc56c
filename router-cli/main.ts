import { runProgram } from '../router-core/runtime/run-command.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createCli } from './program.ts';
import { spellOut } from './spellings.ts';

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // `| head` has read enough, or `| less` was left.
  if (code === 'EPIPE') process.exit(EXIT_CODES.unread.code);
  process.stderr.write(`router-cli: error: cannot write the output: ${message}\n`);
  process.exit(EXIT_CODES.failed.code);
});
const [node = '', script = '', ...words] = process.argv;
await runProgram(createCli({ env: process.env, script }), [node, script, ...spellOut(words)]);
