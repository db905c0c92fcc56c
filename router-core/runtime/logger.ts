import { createRequire } from 'node:module';
import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { redactTokens } from '../config/token.ts';
import { LogOutput } from './log-output.ts';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly name: string;
  /** Default stdout, readable when it is a terminal. */
  readonly destination?: DestinationStream;
}

/** Children of each logger: a level of theirs is their own from the moment they are made. */
const childrenOf = new WeakMap<Logger, WeakRef<Logger>[]>();

/**
 * One JSON object per line on stdout; readable lines instead when stdout is a terminal. No line has a token in it, whatever
 * was to be logged: the text itself is looked through, last of all.
 */
export function createLogger({ level, name, destination }: LoggerOptions): Logger {
  const children: WeakRef<Logger>[] = [];
  const options = {
    level,
    base: { name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    hooks: { streamWrite: redactSecrets },
    onChild: (child: Logger) => children.push(new WeakRef(child)),
  };
  const log = pino(options, destination ?? (process.stdout.isTTY ? prettyStream() : new LogOutput(1)));
  childrenOf.set(log, children);
  return log;
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
 * Only what says what happened: errors of Redis also have the arguments of the command, which are requests with all their
 * fields, or a password.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name: type, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { type, message, code, stack, ...(cause !== undefined && { cause: describeError(cause) }) };
}

/** User and password in a URL. */
const CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"\\]+@/gi;

/** DEL and C1: JSON leaves them as they are, and to some terminals they are commands. */
const CONTROLS = /[\x7f-\x9f]/g;

function redactSecrets(line: string): string {
  return redactTokens(line).replaceAll(CREDENTIALS, '$1…@').replaceAll(CONTROLS, '\ufffd');
}

/**
 * pino-pretty is loaded only here: a server never pays for it. It writes in this thread, not through pino's worker
 * transport, because a worker may lose the last lines when the process exits.
 */
function prettyStream(): DestinationStream {
  const require = createRequire(import.meta.url);
  const pretty = require('pino-pretty') as (options: object) => DestinationStream;
  return pretty({ sync: true, colorize: true, ignore: 'pid', translateTime: 'SYS:HH:MM:ss.l' });
}
