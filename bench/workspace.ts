/**
 * Owns everything a run leaves behind: child processes and one temporary directory. `close()` ends the
 * children in reverse order of their start and removes the directory; it is called on success, failure and
 * Ctrl-C alike. Every child leads its own process group, so that a Ctrl-C at the terminal reaches only the
 * benchmark, which then stops things in order, and so that a last SIGKILL takes nginx's workers too.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stopWithinMs = 8_000;
const keptOutput = 4_096;

/** Settings of the router in the shell must not change what is measured. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('ROUTER_')),
);

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** The exit as a sentence, once it has ended. */
  ended(): string | undefined;
  /** The last 4 KiB it wrote to either stream. */
  output(): string;
}

export interface Workspace {
  directory(name: string): string;
  start(name: string, command: string, args: readonly string[]): Promise<Child>;
  /** Runs a command to its end and resolves with its stdout; a non-zero exit rejects. */
  run(name: string, command: string, args: readonly string[]): Promise<string>;
  /** From then on nothing can be started. */
  isClosed(): boolean;
  close(): Promise<void>;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), stopWithinMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

function describeExit(child: ChildProcess): string | undefined {
  if (child.exitCode !== null) return `ended with exit code ${child.exitCode}`;
  return child.signalCode === null ? undefined : `was ended by ${child.signalCode}`;
}

function follow(name: string, child: ChildProcess, pid: number): Child {
  let kept = '';
  const keep = (piece: Buffer) => (kept = (kept + piece.toString()).slice(-keptOutput));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return {
    name,
    pid,
    ended: () => describeExit(child),
    output: () => kept.trim(),
  };
}

function launch(command: string, args: readonly string[]): Promise<{ child: ChildProcess; pid: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
      detached: true,
    });
    child.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
    child.once('spawn', () => resolve({ child, pid: child.pid ?? 0 }));
  });
}

function collect(name: string, child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let complaint = '';
    child.stdout?.on('data', (piece: Buffer) => (out += piece.toString()));
    child.stderr?.on('data', (piece: Buffer) => (complaint += piece.toString()));
    child.once('close', () => {
      if (child.exitCode === 0) resolve(out);
      else
        reject(
          new Error(`${name} ${describeExit(child) ?? 'ended'}: ${(complaint || out).trim().slice(-800)}`),
        );
    });
  });
}

export function createWorkspace(): Workspace {
  const root = mkdtempSync(join(tmpdir(), 'router-bench-'));
  // nginx started by root gives its workers another user, who must reach the buffers in here.
  chmodSync(root, 0o755);
  const running: ChildProcess[] = [];
  let closed = false;
  const launchOwned = async (command: string, args: readonly string[]) => {
    if (closed) throw new Error('the benchmark is ending');
    const launched = await launch(command, args);
    running.push(launched.child);
    launched.child.once('exit', () => running.splice(running.indexOf(launched.child), 1));
    return launched;
  };
  const removeRoot = () => rmSync(root, { recursive: true, force: true });
  const killAll = () => {
    for (const child of running) killGroup(child, 'SIGKILL');
    removeRoot();
  };
  process.on('exit', killAll);
  return {
    directory(name) {
      const path = join(root, name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    async start(name, command, args) {
      const { child, pid } = await launchOwned(command, args);
      return follow(name, child, pid);
    },
    async run(name, command, args) {
      const { child } = await launchOwned(command, args);
      return collect(name, child);
    },
    isClosed: () => closed,
    async close() {
      closed = true;
      for (const child of running.toReversed()) await stopChild(child);
      removeRoot();
      process.off('exit', killAll);
    },
  };
}
