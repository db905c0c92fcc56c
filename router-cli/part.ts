import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sleep } from '../router-core/runtime/backoff.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { spawnProgram, type ProgramName } from '../router-core/runtime/spawn-program.ts';
import { endProcess } from './end-process.ts';
import { parseLogLine } from './log-line.ts';
import type { LogLine } from './log-line.ts';

const LAST_LINES = 15;

/** The first start of Redis in Docker downloads it; other parts are ready within a second or two. */
const READY_WITHIN_MS = { redis: 200_000, other: 30_000 };

export interface PartCommand {
  /** The name that the terminal shows: `hub`, `upstream-1`. */
  name: string;
  launcher: ProgramName;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** The sign that the part is ready: the message of a log line, and then a URL that answers 2xx, if there is one. */
  readyWhen: { logs: string; answers?: (line: LogLine) => string };
  /** Advice when it does not become ready. */
  hint?: string;
}

/** One of the processes that `up` runs. */
export interface Part {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<void>;
  /** The log line that said it is ready. Rejects when the part ends before, or takes too long. */
  readonly ready: Promise<LogLine>;
  /** A sentence on how it ended, with the last lines that it printed. */
  obituary(): string;
  /** Sends SIGTERM, and SIGKILL when that takes longer than `graceMs`. */
  stop(options: { graceMs: number }): Promise<void>;
}

/**
 * Starts a part in a session of its own, so that Ctrl-C in the terminal reaches only `up`, which stops the parts in order. Its
 * IPC channel closes when `up` is gone, even after a SIGKILL.
 */
export function startPart(command: PartCommand, show: (line: LogLine) => void): Part {
  const { name, launcher, args, env, readyWhen } = command;
  const child = spawnProgram(launcher, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  const ended = once(child, 'close').then(() => undefined);
  const last: LogLine[] = [];

  const readyLine = new Promise<LogLine>((resolve) => {
    for (const input of [child.stdout, child.stderr]) {
      if (!input) continue;
      createInterface({ input }).on('line', (text) => {
        const line = parseLogLine(text);
        last.push(line);
        if (last.length > LAST_LINES) last.shift();
        if (line.message === readyWhen.logs) resolve(line);
        show(line);
      });
    }
  });

  const obituary = (): string => {
    const how = child.signalCode
      ? `was ended by ${child.signalCode}`
      : `ended with code ${child.exitCode ?? '?'}`;
    return [`${name} ${how}; it printed last:`, ...last.map(({ text }) => `  ${text}`)].join('\n');
  };

  const patience = new AbortController();
  const isReady = readyLine.then(async (line) => {
    if (readyWhen.answers) await untilAnswers(readyWhen.answers(line), patience.signal);
    return line;
  });
  const ready = whenReady({ isReady, ended, obituary, command, patience });
  // When the part is stopped while it starts, nobody may be waiting for it.
  ready.catch(() => undefined);

  return {
    name,
    pid: child.pid ?? 0,
    ended,
    ready,
    obituary,
    stop: ({ graceMs }) => endProcess({ ended, signal: (signal) => void child.kill(signal) }, { graceMs }),
  };
}

interface ReadyWait {
  isReady: Promise<LogLine>;
  ended: Promise<void>;
  obituary: () => string;
  command: PartCommand;
  patience: AbortController;
}

async function whenReady({ isReady, ended, obituary, command, patience }: ReadyWait) {
  const withinMs = command.name === 'redis' ? READY_WITHIN_MS.redis : READY_WITHIN_MS.other;
  const outcome = await Promise.race([
    isReady,
    ended.then(() => 'ended' as const),
    sleep(withinMs, patience.signal).then(() => 'late' as const),
  ]);
  patience.abort();
  if (outcome === 'ended') throw new CommandError(obituary(), { exitCode: 1 });
  if (outcome !== 'late') return outcome;
  const hint = command.hint === undefined ? '' : `: ${command.hint}`;
  throw new CommandError(`${command.name} was not ready within ${withinMs / 1000} s${hint}`, { exitCode: 1 });
}

async function untilAnswers(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const response = await fetch(url, { signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await sleep(50, signal);
  }
}
