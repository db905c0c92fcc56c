import type { z } from 'zod';
import { LinkFault } from './link-socket.ts';

// Both ends read the JSON of messages with these. Messages that come with each piece of a body are checked by hand.

/** The parts of a `data` message. */
export interface Data {
  readonly head?: string | undefined;
  readonly end?: string | undefined;
  readonly failed?: string | undefined;
  readonly closed?: true | undefined;
}

const MOST_HEAD_CHARS = 130 * 1024;
const MOST_TRAILER_CHARS = 65 * 1024;
const MOST_FAILED_CHARS = 600;

/** Throws a LinkFault for parts that nobody may send. */
export function readData({ head, end, failed, closed }: Readonly<Record<string, unknown>>): Data {
  return {
    head: optionalText(head, MOST_HEAD_CHARS),
    end: optionalText(end, MOST_TRAILER_CHARS),
    failed: optionalText(failed, MOST_FAILED_CHARS),
    closed: closed === true ? true : undefined,
  };
}

/** Characters beyond Latin-1 would not be one byte each. */
const NOT_LATIN1 = /[\u0100-\uffff]/;

function optionalText(value: unknown, mostChars: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > mostChars || NOT_LATIN1.test(value))
    throw new LinkFault('protocol', 'a data message with a part that is not valid');
  return value;
}

/** Throws a LinkFault for what is not a count of bytes. */
export function readCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new LinkFault('protocol', 'a count that is not valid');
  return value;
}

/** Throws a LinkFault for what is not a text, or a longer one. */
export function readText(value: unknown, mostChars: number): string {
  if (typeof value !== 'string' || value.length > mostChars)
    throw new LinkFault('protocol', 'a text that is not valid');
  return value;
}

/** Undefined is false. Throws a LinkFault for what is no boolean. */
export function readFlag(value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    throw new LinkFault('protocol', 'a flag that is not valid');
  return value ?? false;
}

/** Throws a LinkFault for what is not a number. */
export function readNumber(value: unknown): number {
  if (typeof value !== 'number') throw new LinkFault('protocol', 'a number that is not valid');
  return value;
}

/** Throws a LinkFault for JSON that the schema does not know. */
export function readJson<T>(schema: z.ZodType<T>, json: unknown): T {
  const { data, error } = schema.safeParse(json);
  if (data === undefined) {
    const [issue] = error?.issues ?? [];
    throw new LinkFault('protocol', `${issue?.path.join('.') ?? 'JSON'}: ${issue?.message ?? 'not valid'}`);
  }
  return data;
}
