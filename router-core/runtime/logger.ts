import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { redactTokens } from '../config/token.ts';
import { LogOutput } from './log-output.ts';
import { prettyOutput } from './pretty-log.ts';
import { RecentProblems } from './recent-problems.ts';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly name: string;
  /** Default: stdout, readable when it is a terminal. */
  readonly destination?: DestinationStream;
}

/** Children of each logger, because a child's level no longer follows its parent once it is made. */
const childrenOf = new WeakMap<Logger, WeakRef<Logger>[]>();

const problemsOf = new WeakMap<Logger, RecentProblems>();

/**
 * One JSON object per line on stdout; readable lines when stdout is a terminal. No line contains a token, whatever was logged:
 * the final text is searched for tokens.
 */
export function createLogger({ level, name, destination }: LoggerOptions): Logger {
  const children: WeakRef<Logger>[] = [];
  const problems = new RecentProblems();
  const options = {
    level,
    base: { name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    hooks: {
      streamWrite: (line: string) => {
        const redacted = redactSecrets(line);
        problems.note(redacted);
        return redacted;
      },
    },
    onChild: (child: Logger) => children.push(new WeakRef(child)),
  };
  const log = pino(options, destination ?? (process.stdout.isTTY ? prettyOutput(1) : new LogOutput(1)));
  childrenOf.set(log, children);
  problemsOf.set(log, problems);
  return log;
}

/** The warnings and errors that a logger and its children have logged. Only the logger itself knows them, none of its children. */
export function recentProblems(log: Logger): RecentProblems | undefined {
  return problemsOf.get(log);
}

/** Changes the level of a logger and of all its children. */
export function setLevel(log: Logger, level: LogLevel): void {
  log.level = level;
  for (const child of childrenOf.get(log) ?? []) {
    const alive = child.deref();
    if (alive) alive.level = level;
  }
}

/**
 * Only message and stack: errors of Redis also have the arguments of the command, which are requests with all their fields, or
 * a password.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name: type, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { type, message, code, stack, ...(cause !== undefined && { cause: describeError(cause) }) };
}

/** User and password in a URL. */
const CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"\\]+@/gi;

/** DEL and C1: JSON does not escape them, and some terminals execute them. */
const CONTROLS = /[\x7f-\x9f]/g;

function redactSecrets(line: string): string {
  return redactTokens(line).replaceAll(CREDENTIALS, '$1…@').replaceAll(CONTROLS, '\ufffd');
}
