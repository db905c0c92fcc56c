import { z } from 'zod';

/** What several kinds of objects are made of. Times are in milliseconds, sizes in bytes: the unit is in the name. */

/** A name that people type: of a group, a route, an app, an agent or an admin. */
export const objectName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, . _ -, a letter or digit first')
  .meta({ description: 'Letters, digits, . _ -, up to 64', example: 'llama' });

/** Node's timers hold 31 bits. */
const LONGEST_MS = 2 ** 31 - 1;

export const milliseconds = (least = 0) => z.int().min(least).max(LONGEST_MS);

export const description = z.string().max(1_000).default('').meta({ description: 'For people' });

/** A point in time, as ISO 8601 in UTC; null is never. */
export const instant = z.iso.datetime().nullable();

export const scopeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, . _ -, a letter or digit first');

/** What the store adds to every object; never taken from a writer. */
export const revision = z
  .int()
  .min(0)
  .meta({ description: 'The version of the configuration that last changed this object; its ETag' });
