import { z } from 'zod';
import { LinkFault } from '../wire/link-socket.ts';
import { MOST_INSTANCE_SLOTS } from './link-limits.ts';
import { MOST_TICKET_CHARS } from './tickets.ts';

// What agents say in JSON (docs/link.md). Unknown members are ignored: newer agents may say more.

const text = (most: number) => z.string().max(most);
const count = (most: number) => z.int().min(0).max(most);

export const offerSchema = z.object({
  n: count(0x7fff_ffff),
  slots: count(MOST_INSTANCE_SLOTS),
  report: z.object({
    version: text(64),
    concurrency: count(1_000_000),
    inFlight: count(1_000_000),
    state: z.enum(['ready', 'upstream-down', 'paused', 'draining']),
    reason: text(200).optional(),
  }),
});
export type Offer = z.infer<typeof offerSchema>;

const presentSchema = z.object({
  ticket: text(MOST_TICKET_CHARS),
  have: count(Number.MAX_SAFE_INTEGER),
});
export type Presented = z.infer<typeof presentSchema>;

export const helloSchema = z.object({
  protocol: z.literal(1),
  name: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  /** The name that its last link was given. */
  former: text(256).optional(),
  offer: offerSchema,
  present: z.array(presentSchema).max(MOST_INSTANCE_SLOTS).default([]),
});
export type Hello = z.infer<typeof helloSchema>;

/** The parts of a `data` message. Checked by hand: there is one for each piece of a reply. */
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
const NOT_LATIN1 = /[^\x00-\xff]/;

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

export const requeueSchema = z.object({
  why: z.enum(['unstarted', 'unreachable', 'failed']),
  detail: text(1_000).default(''),
});

/** Throws a LinkFault for JSON that the schema does not know. */
export function readJson<T>(schema: z.ZodType<T>, json: unknown): T {
  const { data, error } = schema.safeParse(json);
  if (data === undefined) {
    const [issue] = error?.issues ?? [];
    throw new LinkFault('protocol', `${issue?.path.join('.') ?? 'JSON'}: ${issue?.message ?? 'not valid'}`);
  }
  return data;
}
