import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../support/wait.ts';

export interface PageShell {
  /** Everything printed so far, by the shell and by what it has started. */
  readonly output: string;
  /** Runs a block of commands to its end; throws when one of them fails. */
  type(block: string): Promise<void>;
  /** Ends the shell and everything that it has started. */
  close(): Promise<void>;
}

/** A bash in which a reader of a page types one block after the other: variables and background jobs stay. */
export function openShell({ cwd, scratch }: { cwd: string; scratch: string }): PageShell {
  const shell = spawn('bash', ['-euo', 'pipefail', '-s'], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own, so that its background jobs can be ended with it.
    detached: true,
  });
  let output = '';
  let ended = false;
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  shell.stdin.on('error', () => {});
  shell.on('exit', () => (ended = true));
  let blocks = 0;

  return {
    get output() {
      return output;
    },
    async type(block) {
      const file = join(scratch, `block-${++blocks}.sh`);
      const done = `-- block ${blocks} done --`;
      await writeFile(file, block);
      // From a file: commands that read their standard input would eat the rest of what is typed.
      shell.stdin.write(`. ${file} < /dev/null; echo; echo '${done}'\n`);
      await waitFor(() => ended || output.includes(done), {
        timeoutMs: 45_000,
        what: 'a block to end',
      }).catch((error: unknown) => {
        throw new Error(`still running:\n${block}\nPrinted:\n${lastLines(output)}`, { cause: error });
      });
      if (ended) throw new Error(`a command failed in:\n${block}\nPrinted:\n${lastLines(output)}`);
    },
    async close() {
      const gone = once(shell, 'close');
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
      await gone;
    },
  };
}

/** The last lines of a failed command, without the repeated lines of a loop. */
function lastLines(output: string): string {
  const lines = output.split('\n');
  return lines
    .filter((line, i) => line !== lines[i - 1])
    .slice(-40)
    .join('\n');
}
