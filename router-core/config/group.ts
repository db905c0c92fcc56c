import { z } from 'zod';
import { description, milliseconds, objectName } from './fields.ts';

/** A set of interchangeable upstreams: its waiting line, its limit, its policy. Omitted fields have their defaults. */
export const groupSchema = z
  .strictObject({
    name: objectName,
    description,
    paused: z.boolean().default(false).meta({ description: 'Requests wait; none is handed out' }),
    concurrency: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .meta({ description: 'Requests that may run at once, over all hubs and agents; 0 is no limit' }),
    queue: z
      .strictObject({
        depth: z
          .int()
          .min(0)
          .max(1_000_000)
          .default(1_000)
          .meta({ description: 'Requests that may wait for a slot; more are refused with 503' }),
        waitMs: milliseconds()
          .default(30_000)
          .meta({ description: 'How long a request may wait for a slot; 0 refuses when none is free' }),
      })
      .prefault({}),
    timeouts: z
      .strictObject({
        firstByteMs: milliseconds(1)
          .default(120_000)
          .meta({ description: 'From the hand-over to the head of the reply' }),
        idleMs: milliseconds(1).default(60_000).meta({ description: 'The longest pause within a body' }),
        totalMs: milliseconds(1)
          .default(3_600_000)
          .meta({ description: 'From the head of a request to the last byte of its reply' }),
      })
      .prefault({}),
    retry: z
      .strictObject({
        attempts: z
          .int()
          .min(1)
          .max(100)
          .default(2)
          .meta({ description: 'How often a request that is safe to repeat may be handed to an agent' }),
        unsafe: z
          .boolean()
          .default(false)
          .meta({ description: 'Repeat requests whose method is not idempotent, too: they may run twice' }),
      })
      .prefault({}),
    leaseMs: milliseconds(100)
      .default(6_000)
      .meta({ description: 'How long an agent that has gone silent keeps its requests' }),
    maxBodyBytes: z
      .int()
      .min(0)
      .default(100 * 1024 * 1024)
      .meta({ description: 'Largest request body; 0 is unlimited' }),
  })
  .meta({ id: 'Group' });

export type Group = z.output<typeof groupSchema>;
