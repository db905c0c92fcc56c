import { ReplyError } from 'ioredis';

/**
 * Replies of scripts contain data of a group's keys, and agents can write there, so no reply can be trusted. These functions
 * return undefined for a value of another shape.
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

/** The list, or an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value, when it is one of these words. */
export function wordOf<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

/** A lease, ms. A shorter or longer one than the configuration allows would make timers run without a pause. */
export function leaseOf(value: unknown): number | undefined {
  return wholeOf(value, 2 ** 31 - 1, 100);
}

/** The server has answered, but not as our scripts do: asking again would change nothing. */
export class BadReplyError extends (ReplyError as new (message: string) => Error) {
  constructor(script: string) {
    super(`the reply of ${script} cannot be read`);
  }
}
