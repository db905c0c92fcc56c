import { z } from 'zod';
import type { PulledRequest, RequestHandle } from '../../exchange/agent-link.ts';
import { decodeRequestHead } from '../../exchange/heads.ts';
import type { LinkMessage } from '../wire/link-message.ts';
import { readJson } from '../wire/read-parts.ts';

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

const requestSchema = z.object({
  id: text(256).min(1),
  attempt: z.int().min(1).max(65_535),
  hub: text(256),
  head: text(130 * 1024),
  ms: z.number(),
  follows: z.boolean().default(false),
  trailers: text(65 * 1024).default(''),
  mayHaveRun: z.boolean().default(false),
  ticket: text(4_096).min(1),
});

/** A request as a hub hands it over. Without `pulled`: its head cannot be sent to any upstream. */
export interface HandedRequest {
  readonly ticket: string;
  readonly attempt: number;
  readonly pulled: PulledRequest | undefined;
}

export function readRequest({ json, body }: LinkMessage, handle: string): HandedRequest {
  const { head: headText, ms, follows, ticket, ...rest } = readJson(requestSchema, json);
  const head = decodeRequestHead(headText);
  const pulled = head && {
    ...rest,
    head,
    body: body.length > 0 ? body : undefined,
    bodyFollows: follows,
    remainingMs: ms,
    handle: handle as RequestHandle,
  };
  return { ticket, attempt: rest.attempt, pulled };
}
