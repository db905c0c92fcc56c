import { z } from 'zod';
import { description, instant, milliseconds, objectName, refuseRepeats, scopeName } from './fields.ts';

/** A client application with its own token and limits. */
export const appSchema = z
  .strictObject({
    name: objectName,
    description,
    groups: z
      .array(objectName)
      .max(1_000)
      .superRefine(refuseRepeats)
      .default([])
      .meta({ description: 'Groups it may use; none is all of them' }),
    concurrency: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .meta({ description: 'Requests that may run or wait at once; 0 is no limit' }),
    rate: z
      .strictObject({
        requests: z.int().min(1).max(1_000_000_000),
        perMs: milliseconds(1).default(1_000),
        burst: z
          .int()
          .min(0)
          .max(1_000_000_000)
          .default(0)
          .meta({ description: 'Requests above the rate that may come at once after a pause' }),
      })
      .nullable()
      .default(null)
      .meta({ description: 'null is no limit' }),
    expiresAt: instant.default(null).meta({ description: 'null is never' }),
    paused: z.boolean().default(false).meta({ description: 'Its requests are refused' }),
  })
  .meta({ id: 'App' });

/** The registered identity of the agents that use one token. */
export const agentSchema = z
  .strictObject({
    name: objectName,
    description,
    group: objectName,
    scopes: z
      .array(scopeName)
      .max(16)
      .superRefine(refuseRepeats)
      .default([])
      .meta({ description: 'Requests that ask for one of these may go to it' }),
    concurrency: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .meta({ description: 'Slots of all its instances together; 0 is no limit' }),
    expiresAt: instant.default(null).meta({ description: 'null is never' }),
    paused: z.boolean().default(false).meta({ description: 'It pulls nothing; what runs finishes' }),
    draining: z
      .boolean()
      .default(false)
      .meta({ description: 'It finishes what runs, then its instances end' }),
  })
  .meta({ id: 'Agent' });

export const ROLES = ['viewer', 'operator', 'admin'] as const;

/** A user of router-api. viewer reads, operator changes and acts, admin also manages admins and tokens. */
export const adminSchema = z
  .strictObject({
    name: objectName,
    description,
    role: z.enum(ROLES),
    expiresAt: instant.default(null).meta({ description: 'null is never' }),
  })
  .meta({ id: 'Admin' });

export type Role = (typeof ROLES)[number];
