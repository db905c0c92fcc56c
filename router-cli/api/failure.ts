import { z } from 'zod';
import { LIST_OF, OBJECT_KINDS } from '../../router-core/config/object-kinds.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { EXIT_CODES, type ExitReason } from '../exit-codes.ts';
import { printable } from '../terminal/printable.ts';

/** A failed call of the API; its message says what to do next. */
export class ApiFailure extends CommandError {
  override readonly name = 'ApiFailure';
  /** From the problem document; `unreachable` when there was no response. */
  readonly code: string;
  /** Problems of the sent fields. */
  readonly problems: readonly FieldProblem[];
  readonly #reason: ExitReason;
  readonly #text: FailureText;

  constructor(reason: ExitReason, text: FailureText) {
    super(messageOf(text), { exitCode: EXIT_CODES[reason].code });
    this.#reason = reason;
    this.#text = text;
    this.code = text.code;
    this.problems = text.problems ?? [];
  }

  /** The same failure with other texts of its problems. */
  withProblems(problems: readonly FieldProblem[]): ApiFailure {
    return new ApiFailure(this.#reason, { ...this.#text, problems });
  }
}

export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

interface FailureText {
  readonly code: string;
  readonly message: string;
  readonly problems?: readonly FieldProblem[];
  readonly hint?: string | undefined;
}

function messageOf({ message, problems = [], hint }: FailureText): string {
  const lines = problems.map(({ path, message: what }) => printable(path === '' ? what : `${path}: ${what}`));
  return [message, ...lines.map((line) => `  ${line}`), ...(hint === undefined ? [] : [`  ${hint}`])].join(
    '\n',
  );
}

const problemSchema = z.looseObject({
  title: z.string().default('It failed'),
  code: z.string().default('unknown'),
  detail: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
});

const REASON_OF_STATUS = new Map<number, ExitReason>([
  [400, 'usage'],
  [401, 'refused'],
  [403, 'refused'],
  [404, 'notFound'],
  [409, 'conflict'],
  [412, 'conflict'],
  [413, 'usage'],
  [422, 'usage'],
  [429, 'unreachable'],
  [502, 'unreachable'],
  [503, 'unreachable'],
  [504, 'unreachable'],
]);

export interface FailedCall {
  readonly url: string;
  readonly path: string;
}

/** The meaning of an error response for the person who typed the command. */
export function failureOf(call: FailedCall, status: number, body: unknown): ApiFailure {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    return new ApiFailure(REASON_OF_STATUS.get(status) === 'unreachable' ? 'unreachable' : 'failed', {
      code: 'unknown',
      message: `${call.url} answered ${status}, and not as router-api does: is that its URL?`,
    });
  }
  const { code, title, detail, errors } = parsed.data;
  return new ApiFailure(REASON_OF_STATUS.get(status) ?? 'failed', {
    code,
    message: printable(detail ?? title),
    problems: errors,
    hint: hintFor(code, call),
  });
}

function hintFor(code: string, { path, url }: FailedCall): string | undefined {
  const kind = OBJECT_KINDS.find((each) => path.startsWith(`/v1/${LIST_OF[each]}`));
  const hints: Record<string, string> = {
    unauthorized: `Log in with a valid token: router-cli login ${url}`,
    forbidden: 'Ask an admin to do it, or for another role; `router-cli context show` shows who you are',
    stale: 'Run the command again to go by what is there now',
    'too-many-requests': 'Wait a minute, and check the token: router-cli context list',
    'store-unavailable': "Check Redis and router-api's log, then try again",
    busy: 'Try again in a few seconds',
    'shutting-down': 'Try again in a few seconds',
  };
  if (kind !== undefined && code === 'not-found') return `See what there is: router-cli ${kind} list`;
  if (kind !== undefined && code === 'already-exists') return `Change it instead: router-cli ${kind} set`;
  if (path.startsWith('/v1/requests') && code === 'not-found')
    return 'See what there is: router-cli requests list';
  if (path.startsWith('/v1/dead') && code === 'not-found')
    return 'See what there is: router-cli requests dead';
  return hints[code];
}

/** There was no response. */
export function unreachable({ url }: FailedCall, error: unknown): ApiFailure {
  return new ApiFailure('unreachable', {
    code: 'unreachable',
    message:
      `cannot reach ${url}: ${reasonOf(error)}\n` +
      '  Is router-api running there? `router-cli context list` shows which URL is used, and why',
  });
}

/** The message of fetch is only "fetch failed"; its causes have the reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  const cause = error.cause;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  if (cause instanceof Error) return reasonOf(cause);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'nothing listens at that address';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'there is no such host';
  return error.message || code || 'unknown reason';
}
