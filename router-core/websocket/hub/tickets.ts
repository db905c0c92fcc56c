import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** The content of a ticket: the request that its bearer was given, and its place. */
export interface Ticket {
  readonly group: string;
  /** Name of the agent record, so that nobody else's token fits. */
  readonly record: string;
  /** The relay that handed it out. */
  readonly relay: string;
  readonly id: string;
  readonly attempt: number;
  /** The place of the request in the store. */
  readonly place: string;
}

const ticketSchema: z.ZodType<Ticket> = z.object({
  group: z.string().max(64),
  record: z.string().max(128),
  relay: z.string().max(256),
  id: z.string().max(128),
  attempt: z.int().min(0).max(65_535),
  place: z.string().max(512),
});

/** The most characters of a ticket. */
export const MOST_TICKET_CHARS = 2_048;

/** A field that stands in a ticket as it is. Any other one is Base64 behind an equals sign: no field can pass for two. */
const PLAIN = /^[\w.+ -]*$/;

/**
 * A request goes on after its link was lost only for whoever was given it. Ids of requests can be guessed, so each is handed out with
 * a ticket that a hub has signed; every hub has the same key. Each request is signed: hence neither JSON nor Base64 of all of it.
 */
export class Tickets {
  readonly #key: KeyObject;

  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  sign({ group, record, relay, id, attempt, place }: Ticket): string {
    const text = `${escaped(group)}:${escaped(record)}:${escaped(relay)}:${escaped(id)}:${attempt}:${escaped(place)}`;
    return `${text}:${this.#mac(text)}`;
  }

  /** Undefined for what no hub has signed. */
  read(signed: string): Ticket | undefined {
    if (signed.length > MOST_TICKET_CHARS) return undefined;
    const end = signed.lastIndexOf(':');
    const text = signed.slice(0, Math.max(0, end));
    const given = Buffer.from(signed.slice(end + 1));
    const right = Buffer.from(this.#mac(text));
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const fields = text.split(':');
    if (fields.length !== 6) return undefined;
    const [group, record, relay, id, attempt, place] = fields.map(unescaped);
    return ticketSchema.safeParse({ group, record, relay, id, attempt: Number(attempt), place }).data;
  }

  #mac(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

function escaped(field: string): string {
  return PLAIN.test(field) ? field : `=${Buffer.from(field).toString('base64url')}`;
}

function unescaped(field: string): string {
  return field.startsWith('=') ? Buffer.from(field.slice(1), 'base64url').toString() : field;
}
