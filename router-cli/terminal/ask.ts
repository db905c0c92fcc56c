import { createInterface } from 'node:readline/promises';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { EXIT_CODES } from '../exit-codes.ts';

const CTRL_C = '\u0003';

function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

function interrupted(): CommandError {
  return new CommandError('interrupted: nothing was changed', { exitCode: EXIT_CODES.interrupted.code });
}

/** Returns, or throws. Without a terminal, `--yes` is required. */
export async function confirm(question: string, { yes }: { yes: boolean }): Promise<void> {
  if (yes) return;
  if (!canAsk())
    throw new CommandError(`${question} Not asked, because there is no terminal: confirm with --yes`);
  // On stderr: stdout is for results.
  const readline = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  readline.once('SIGINT', () => closed.abort());
  readline.once('close', () => closed.abort());
  try {
    const answer = await readline.question(`${question} [y/N] `, { signal: closed.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch {
    throw interrupted();
  } finally {
    readline.close();
  }
  throw new CommandError('not confirmed: nothing was changed', { exitCode: EXIT_CODES.failed.code });
}

/** Reads a line that does not show on the screen. */
export async function askSecret(question: string): Promise<string> {
  if (!canAsk()) {
    throw new CommandError(
      'no token: pipe it into `router-cli login URL --with-token`, or set ROUTER_API_TOKEN',
    );
  }
  const { stdin, stderr } = process;
  // Before the question: characters that are typed at once must not show either.
  stdin.setRawMode(true).setEncoding('utf8');
  stderr.write(question);
  let secret = '';
  try {
    for await (const chunk of stdin as AsyncIterable<string>) {
      for (const character of chunk) {
        if (character === CTRL_C) throw interrupted();
        if (character === '\r' || character === '\n') return secret;
        secret = /[\b\u007f]/.test(character) ? secret.slice(0, -1) : secret + character;
      }
    }
    return secret;
  } finally {
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}

/** All of standard input. */
export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
