import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { waitFor } from './wait.ts';

export type Launcher = 'router-core' | 'router-api' | 'router-cli';

export interface LaunchOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Its own process group, so that a signal to `-pid` reaches the whole group as a terminal's Ctrl-C does. */
  ownGroup?: boolean;
  /** All of its standard input. */
  input?: string;
  /** How many files and connections it may have open. */
  openFiles?: number;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A real process of this project, seen from outside. */
export interface LaunchedProcess {
  readonly pid: number;
  /** Everything it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line, of either output, that contains `text` or matches. */
  waitForLine(wanted: string | RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** Stands still, or goes on, as a reader of its standard output. */
  readOutput(reads: boolean): void;
  /** Closes our end of its outputs, or of one, as a reader that was killed does. */
  stopReading(only?: 'stdout'): void;
  /** Sends a signal and waits for the end, except for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const running = new Map<number, { child: ChildProcess; command: string }>();

/** Starts `bin/<launcher>` of this checkout as it was last built. */
export function launch(launcher: Launcher, args: string[], options: LaunchOptions = {}): LaunchedProcess {
  return spawnNode(join(packageFolder(), 'bin', launcher), args, options);
}

/** Starts any script with this Node. */
export function spawnNode(script: string, args: string[], options: LaunchOptions = {}): LaunchedProcess {
  const { openFiles } = options;
  const limited = ['-c', 'ulimit -n "$0" && exec "$@"', String(openFiles), process.execPath, script, ...args];
  return openFiles === undefined
    ? spawnProcess(process.execPath, [script, ...args], options)
    : spawnProcess('sh', limited, options);
}

/** Starts any program. */
export function spawnProcess(command: string, args: string[], options: LaunchOptions = {}): LaunchedProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: options.ownGroup ?? false,
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`could not start ${command}`);
  running.set(pid, { child, command: [command, ...args].join(' ') });

  const output: Output = { stdout: '', stderr: '', complete: false };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  child.stdin?.on('error', () => undefined).end(options.input);
  const ended = once(child, 'close').then(() => {
    running.delete(pid);
    output.complete = true;
    return { code: child.exitCode, signal: child.signalCode };
  });

  return {
    pid,
    ended,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    waitForLine: (wanted, { timeoutMs = 20_000 } = {}) => waitForLine({ output, wanted, timeoutMs }),
    readOutput: (reads) => void (reads ? child.stdout?.resume() : child.stdout?.pause()),
    stopReading(only) {
      child.stdout?.destroy();
      if (only === undefined) child.stderr?.destroy();
    },
    async kill(signal) {
      child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
    },
  };
}

interface Output {
  stdout: string;
  stderr: string;
  /** The process has ended and everything it printed is here. */
  complete: boolean;
}

interface LineWait {
  output: Output;
  wanted: string | RegExp;
  timeoutMs: number;
}

async function waitForLine({ output, wanted, timeoutMs }: LineWait): Promise<string> {
  const matches = (line: string) => (typeof wanted === 'string' ? line.includes(wanted) : wanted.test(line));
  const find = () => `${output.stdout}\n${output.stderr}`.split('\n').find(matches);
  const printed = () => `${output.stdout}\n${output.stderr}`;
  const what = `a line with ${String(wanted)}`;
  try {
    await waitFor(() => output.complete || find() !== undefined, { timeoutMs, what });
  } catch (error) {
    throw new Error(`${String(error)}; printed so far:\n${printed()}`, { cause: error });
  }
  const line = find();
  if (line === undefined) throw new Error(`ended without ${what}; printed:\n${printed()}`);
  return line;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** For afterEach: ends what a test has left running, and fails when there was anything. */
export async function expectNoProcessLeft(): Promise<void> {
  const left = [...running.values()];
  for (const { child } of left) {
    child.kill('SIGKILL');
    if (!hasEnded(child)) await once(child, 'close');
  }
  running.clear();
  if (left.length > 0) {
    throw new Error(
      `left running: ${left.map(({ child, command }) => `${child.pid} ${command}`).join('; ')}`,
    );
  }
}

/** True when a process with this id exists (a zombie counts as gone). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const state = /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    return state !== 'Z';
  } catch (error) {
    // No /proc on this system: the signal got through, and that is all there is to know.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync('/proc/self/stat');
  }
}
