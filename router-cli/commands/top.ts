import type { Command } from 'commander';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { ApiClient } from '../api/client.ts';
import { followStatus } from '../top/follow-status.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';

/** `top`: a live view of the router. */
export function topCommand(program: Command, surroundings: Surroundings): void {
  addApiCommand(program, surroundings, {
    name: 'top',
    about: 'show what is running, live, and act on it; ? shows the keys',
    json: 'the output of `status --json` every second, one line each',
    setUp:
      () =>
      async ({ target, out }) => {
        // Without progress on stderr: the view has the screen.
        const api = new ApiClient(target);
        if (out.isData) {
          await followStatus(api, new AbortController().signal, {
            onStatus: (status) => void process.stdout.write(`${JSON.stringify(status)}\n`),
            onLost: (why) => void process.stderr.write(`${why}\n`),
          });
          return;
        }
        if (!process.stdin.isTTY || !process.stdout.isTTY) {
          throw new CommandError(
            'top needs a terminal: `router-cli status` shows the same once, `top --json` as lines',
          );
        }
        // A terminal on a serial line, or one that `script` makes without a terminal around it.
        if (!(process.stdout.columns > 0 && process.stdout.rows > 0)) {
          throw new CommandError(
            'this terminal does not say how large it is: `stty rows 24 cols 80` says it, `router-cli status` shows the same once',
          );
        }
        // Imported here: only this command draws on a terminal.
        const { runTop } = await import('../top/top.ts');
        await runTop(api, { colours: out.style('good', 'x') !== 'x' });
      },
  });
}
