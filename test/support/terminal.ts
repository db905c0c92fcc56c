import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { waitFor } from './wait.ts';

export const hasTmux = findProgram('tmux') !== undefined;

/** A shell in a terminal of its own, which somebody types into and looks at. */
export interface TestTerminal {
  /** Types a command into the shell, on an empty screen, once the one before has ended. */
  run(line: string): Promise<void>;
  /** Keys as tmux names them: `Enter`, `Up`, `C-c`, or characters. */
  press(...keys: string[]): Promise<void>;
  /** The text on the screen. */
  screen(): Promise<string>;
  /** The same with its escape sequences. */
  coloured(): Promise<string>;
  /** Resolves with the screen once it matches. */
  shows(what: RegExp, options?: { timeoutMs?: number }): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  /** True for a program with the alternate screen, and for a visible cursor. */
  modes(): Promise<{ otherScreen: boolean; cursor: boolean }>;
  /** The program in the foreground. */
  foreground(): Promise<string>;
  /** The process id of the shell's child. */
  childPid(): Promise<number>;
}

interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Readonly<Record<string, string>>;
}

/** Needs tmux. Its server is one of its own, and ends with the test. */
export async function terminalHere({
  columns = 100,
  rows = 24,
  env = {},
}: TerminalOptions = {}): Promise<TestTerminal> {
  const folder = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
  const tmux = async (...args: string[]): Promise<string> => {
    const all = ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args];
    return (await promisify(execFile)('tmux', all, { cwd: packageFolder() })).stdout;
  };
  onTestFinished(async () => {
    await tmux('kill-server').catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), ...variables, 'sh');
  const screen = () => tmux('capture-pane', '-p');
  const display = async (format: string) => (await tmux('display-message', '-p', format)).trim();
  const foreground = () => display('#{pane_current_command}');
  return {
    async run(line) {
      await waitFor(async () => (await foreground()) === 'sh', { what: 'the shell' });
      await tmux('send-keys', '-R');
      await tmux('send-keys', line, 'Enter');
    },
    screen,
    coloured: () => tmux('capture-pane', '-p', '-e'),
    async press(...keys) {
      await tmux('send-keys', ...keys);
    },
    async shows(what, { timeoutMs = 20_000 } = {}) {
      let seen = '';
      const matches = async () => {
        seen = await screen();
        return what.test(seen) && seen;
      };
      return waitFor(matches, { timeoutMs, what: String(what) }).catch((error: unknown) => {
        throw new Error(`${String(error)}; the screen is:\n${seen}`, { cause: error });
      });
    },
    async resize(newColumns, newRows) {
      await tmux('resize-window', '-x', String(newColumns), '-y', String(newRows));
    },
    async modes() {
      const [otherScreen, cursor] = (await display('#{alternate_on} #{cursor_flag}')).split(' ');
      return { otherScreen: otherScreen === '1', cursor: cursor === '1' };
    },
    foreground,
    async childPid() {
      const shell = await display('#{pane_pid}');
      return Number((await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', shell])).stdout);
    },
  };
}
