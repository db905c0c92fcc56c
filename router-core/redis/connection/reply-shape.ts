import { ReplyError } from 'ioredis';

/**
 * What scripts reply is made of what a group's keys hold, and agents may write there: nothing in it is certain. These say
 * whether a value is what it should be, and are undefined otherwise.
 */

/** A text of at most so many characters. */
export function textOf(value: unknown, mostChars: number): string | undefined {
  return typeof value === 'string' && value.length <= mostChars ? value : undefined;
}

/** A whole number, as one or in digits, from `least` to `most`. */
export function wholeOf(value: unknown, most = Number.MAX_SAFE_INTEGER, least = 0): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) && (number as number) >= least && (number as number) <= most
    ? (number as number)
    : undefined;
}

/** A list, and an empty one where there is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What is among these words. */
export function wordOf<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

/** A lease, ms: what is shorter or longer than the configuration allows would make its timers run without a pause. */
export function leaseOf(value: unknown): number | undefined {
  return wholeOf(value, 2 ** 31 - 1, 100);
}

/** The server has answered, with what no script of ours replies: asked again, it would say the same. */
export class BadReplyError extends (ReplyError as new (message: string) => Error) {
  constructor(script: string) {
    super(`the reply of ${script} cannot be read`);
  }
}
