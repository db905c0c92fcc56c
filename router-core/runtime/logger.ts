import { createRequire } from 'node:module';
import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON object per line on stdout; readable lines instead when stdout is a terminal. */
export function createLogger({ level, name }: { level: LogLevel; name: string }): Logger {
  const base = { name, pid: process.pid };
  const options = { level, base, timestamp: stdTimeFunctions.isoTime, serializers: { err: errorFields } };
  return process.stdout.isTTY ? pino(options, prettyStream()) : pino(options);
}

/**
 * An error as pino shows it, without the command that a Redis client attaches to it: its arguments are whole requests,
 * with the tokens, cookies and bodies of clients.
 */
function errorFields(error: Error): object {
  const { command: _command, ...fields } = stdSerializers.err(error) as unknown as Record<string, unknown>;
  return fields;
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
