import type { DestinationStream } from 'pino';
import { LogOutput } from './log-output.ts';
import { parseJson } from './parse-json.ts';

const LEVELS: Readonly<Record<number, readonly [name: string, color: number]>> = {
  10: ['TRACE', 90],
  20: ['DEBUG', 34],
  30: ['INFO', 32],
  40: ['WARN', 33],
  50: ['ERROR', 31],
  60: ['FATAL', 41],
};

const CYAN = 36;
const GREY = 90;

/** Log lines for people, on a terminal. */
export function prettyOutput(fd: number): DestinationStream {
  const output = new LogOutput(fd);
  return { write: (line) => output.write(prettyLine(line)) };
}

/** One line of the log, with its fields below it. A text that is no log line stays as it is. */
export function prettyLine(line: string): string {
  const parsed = parseJson(line);
  if (typeof parsed !== 'object' || parsed === null) return line;
  const { level, time, name, msg = '', pid: _pid, ...fields } = parsed as Record<string, unknown>;
  const [word, color] = LEVELS[Number(level)] ?? [String(level), GREY];
  const start = `${paint(GREY, `[${clock(time)}]`)} ${paint(color, word)} (${String(name)}): ${paint(CYAN, printable(String(msg)))}`;
  const rest = Object.entries(fields).map(
    ([key, value]) => `    ${paint(GREY, key)}: ${indent(textOf(value))}\n`,
  );
  return `${start}\n${rest.join('')}`;
}

/** The stack of an error, before its other fields, as it reads best; everything else as JSON. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('stack' in value))
    return JSON.stringify(value, null, 2);
  const { stack, type: _type, message: _message, ...rest } = value as Record<string, unknown>;
  const others = Object.keys(rest).length === 0 ? '' : `\n${JSON.stringify(rest, null, 2)}`;
  return printable(String(stack)) + others;
}

/** To a terminal, some of these are commands. JSON has escaped them until here. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, '\ufffd');
}

function indent(text: string): string {
  return text.replaceAll('\n', '\n    ');
}

/** The time of day here, with milliseconds. */
function clock(time: unknown): string {
  const date = new Date(String(time));
  const part = (value: number, digits: number) => String(value).padStart(digits, '0');
  return `${part(date.getHours(), 2)}:${part(date.getMinutes(), 2)}:${part(date.getSeconds(), 2)}.${part(date.getMilliseconds(), 3)}`;
}

function paint(color: number, text: string): string {
  return `\x1b[${color}m${text}\x1b[0m`;
}
