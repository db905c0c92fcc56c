import { createHmac, timingSafeEqual } from 'node:crypto';
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

/**
 * A request goes on after its link was lost only for whoever was given it. Ids of requests can be guessed, so each is handed out with
 * a ticket that a hub has signed; every hub has the same key.
 */
export class Tickets {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  sign(ticket: Ticket): string {
    const text = Buffer.from(JSON.stringify(ticket)).toString('base64url');
    return `${text}.${this.#mac(text).toString('base64url')}`;
  }

  /** Undefined for what no hub has signed. */
  read(signed: string): Ticket | undefined {
    const dot = signed.indexOf('.');
    if (dot < 0 || signed.length > MOST_TICKET_CHARS) return undefined;
    const text = signed.slice(0, dot);
    const given = Buffer.from(signed.slice(dot + 1), 'base64url');
    const right = this.#mac(text);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    try {
      return ticketSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString())).data;
    } catch {
      return undefined;
    }
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
