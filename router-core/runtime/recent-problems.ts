import { parseJson } from './parse-json.ts';

/** How many log lines a process remembers for its operators. */
export const MOST_PROBLEMS = 50;

/** Longer texts of a line are cut: the log itself has the rest. */
const MOST_CHARS = 400;

/** A longer line is left out: the log itself has it. */
const MOST_LINE_CHARS = 64 * 1024;

/** The fields of a line that are shown beside its message. Others may say more of a client than every viewer should read. */
const SHOWN_FIELDS = ['group', 'agent', 'upstream', 'route', 'flag', 'id', 'reason', 'why'] as const;

/** A line of level warn or above, for operators: without its stack. */
export interface Problem {
  /** ISO 8601. */
  readonly time: string;
  readonly level: 'warn' | 'error' | 'fatal';
  readonly message: string;
  /** The message of the error. */
  readonly error?: string;
  readonly code?: string;
  /** Named details: its `upstream`, say. */
  readonly about?: Readonly<Record<string, string>>;
}

const LEVELS: Readonly<Record<string, Problem['level']>> = { 40: 'warn', 50: 'error', 60: 'fatal' };

/** How every line of such a level begins. */
const PROBLEM_LINE = /^\{"level":(?:40|50|60),/;

/** The last problems that a process has logged. They are read from its log lines, whose secrets have been removed already. */
export class RecentProblems {
  #lines: string[] = [];
  #count = 0;

  /** Problems since the process started. */
  get count(): number {
    return this.#count;
  }

  /** Called with every line. */
  note(line: string): void {
    if (!PROBLEM_LINE.test(line) || line.length > MOST_LINE_CHARS) return;
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > MOST_PROBLEMS) this.#lines.shift();
  }

  /** The oldest first. */
  list(): Problem[] {
    return this.#lines.flatMap((line) => problemIn(line) ?? []);
  }
}

function problemIn(line: string): Problem | undefined {
  const fields = parseJson(line) as Record<string, unknown> | undefined;
  const level = LEVELS[String(fields?.['level'])];
  if (!fields || !level) return undefined;
  const { message: error, code } = (fields['err'] ?? {}) as Record<string, unknown>;
  const about = SHOWN_FIELDS.flatMap((name) => {
    const text = shortText(fields[name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  return {
    time: shortText(fields['time']) ?? '',
    level,
    message: shortText(fields['msg']) ?? '',
    ...present({ error: shortText(error), code: shortText(code ?? fields['code']) }),
    ...(about.length > 0 && { about: Object.fromEntries(about) }),
  };
}

function present(fields: Record<'error' | 'code', string | undefined>) {
  return {
    ...(fields.error !== undefined && { error: fields.error }),
    ...(fields.code !== undefined && { code: fields.code }),
  };
}

function shortText(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value);
  if (text === '') return undefined;
  return text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text;
}
