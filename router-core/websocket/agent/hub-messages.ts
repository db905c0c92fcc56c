import { z } from 'zod';
import type { PulledRequest, RequestHandle } from '../../exchange/agent-link.ts';
import { decodeRequestHead, type RequestHead } from '../../exchange/heads.ts';
import type { LinkMessage } from '../wire/link-message.ts';
import { LinkFault } from '../wire/link-socket.ts';
import { readCount, readFlag, readNumber, readText } from '../wire/read-parts.ts';
import type { LinkExchange } from './link-exchange.ts';

// The JSON of hubs (docs/link.md). Unknown members are ignored: newer hubs may send more.

const text = (most: number) => z.string().max(most);
const count = z.int().min(0);

export const grantSchema = z.object({
  n: count,
  slots: count,
  state: z.enum(['active', 'paused', 'draining', 'unknown', 'moved']),
});

export const welcomeSchema = z.object({
  protocol: z.literal(1),
  instance: text(256).min(1),
  hub: z.object({ id: text(256), host: text(256) }),
  leaseMs: z.int().min(100).max(86_400_000),
  grant: grantSchema,
  limits: z.object({ slots: count }),
  /** The current record of the token. */
  group: text(64).optional(),
  scopes: z.array(text(64)).max(16).optional(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

export const resumedSchema = z.object({
  ticket: text(4_096),
  /** The ticket that replaces it: another hub has the request now. */
  next: text(4_096).optional(),
  have: count,
  headSeen: z.boolean(),
  upTo: count,
});

export const goneSchema = z.object({ ticket: text(4_096), why: text(500).optional() });

export const awaySchema = z.object({ ms: z.number().min(0) });

export const refusedSchema = z.object({
  code: text(64),
  reason: text(500).default(''),
  retryMs: z.number().min(0).optional(),
});
export type Refused = z.infer<typeof refusedSchema>;

export const stopSchema = z.object({ why: text(500).default('cancelled') });

export const requeuedSchema = z.object({ moved: z.boolean() });

/** A request as its link hands it out. */
export class LinkRequest implements PulledRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly head: RequestHead;
  readonly body: Buffer | undefined;
  readonly trailers: string;
  readonly bodyFollows: boolean;
  readonly remainingMs: number;
  readonly mayHaveRun: boolean;
  readonly handle: RequestHandle;
  /** Set by the link. A WeakMap of thousands of requests a second costs the collector more than all else. */
  exchange: LinkExchange | undefined = undefined;

  constructor({ json, body }: LinkMessage, head: RequestHead, attempt: number, handle: string) {
    this.id = readText(json['id'], 256);
    this.attempt = attempt;
    this.hub = readText(json['hub'], 256);
    this.head = head;
    this.body = body.length > 0 ? body : undefined;
    this.trailers = readText(json['trailers'] ?? '', 65 * 1024);
    this.bodyFollows = readFlag(json['follows']);
    this.remainingMs = readNumber(json['ms']);
    this.mayHaveRun = readFlag(json['mayHaveRun']);
    this.handle = handle as RequestHandle;
  }
}

/** A request as a hub hands it over. Without `pulled`: its head cannot be sent to any upstream. */
export interface HandedRequest {
  readonly ticket: string;
  readonly pulled: LinkRequest | undefined;
}

/** Throws a LinkFault for JSON that is not valid. Checked by hand: a schema costs 3 % of an agent that is busy. */
export function readRequest(message: LinkMessage, handle: string): HandedRequest {
  const { json } = message;
  const ticket = readText(json['ticket'], 4_096);
  const attempt = readCount(json['attempt']);
  const headText = readText(json['head'], 130 * 1024);
  if (ticket === '' || json['id'] === '' || attempt < 1 || attempt > 65_535)
    throw new LinkFault('protocol', 'a request without a valid ticket, id or attempt');
  const head = decodeRequestHead(headText);
  return { ticket, pulled: head && new LinkRequest(message, head, attempt, handle) };
}
