import { z } from 'zod';
import { parseJson } from '../router-core/runtime/parse-json.ts';

const pinoLine = z.looseObject({ level: z.number(), msg: z.string().default('') });

const WARN = 40;

const LEVEL_NAMES: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** A line that a part printed. A line that is no log line (the stack of a crash) has no message, and is always shown. */
export interface LogLine {
  readonly text: string;
  readonly message: string | undefined;
  readonly isWarning: boolean;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function parseLogLine(text: string): LogLine {
  const parsed = text.startsWith('{') ? pinoLine.safeParse(parseJson(text)) : undefined;
  if (!parsed?.success) return { text, message: undefined, isWarning: true, fields: {} };
  // Fields of every line, which the terminal shows in another way or not at all.
  const { level, msg, time: _time, pid: _pid, name: _name, err, ...fields } = parsed.data;
  const reason = z.object({ message: z.string() }).safeParse(err).data?.message;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const words = [
    LEVEL_NAMES[level] ?? String(level),
    msg,
    ...(reason === undefined ? [] : [`(${reason})`]),
    ...rest,
  ];
  return { text: words.join(' '), message: msg, isWarning: level >= WARN, fields };
}
