import { z } from 'zod';
import { hardwareSchema, labelsSchema } from '../../exchange/hardware.ts';
import { MOST_INSTANCE_SLOTS } from './link-limits.ts';
import { MOST_TICKET_CHARS } from './tickets.ts';

// The JSON of agents (docs/link.md). Unknown members are ignored: newer agents may send more.

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
    // An agent is shown also when these cannot be read.
    labels: labelsSchema.optional().catch(undefined),
    hardware: hardwareSchema.optional().catch(undefined),
  }),
});
export type Offer = z.infer<typeof offerSchema>;

const presentSchema = z.object({
  ticket: text(MOST_TICKET_CHARS),
  have: count(Number.MAX_SAFE_INTEGER),
});

export const helloSchema = z.object({
  protocol: z.literal(1),
  name: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  /** Counts the links of the agent's process. */
  turn: count(Number.MAX_SAFE_INTEGER).default(0),
  /** The name that its last link was given. */
  former: text(256).optional(),
  offer: offerSchema,
  present: z.array(presentSchema).max(MOST_INSTANCE_SLOTS).default([]),
});
export type Hello = z.infer<typeof helloSchema>;

export const requeueSchema = z.object({
  why: z.enum(['unstarted', 'unreachable', 'failed']),
  detail: text(1_000).default(''),
});
