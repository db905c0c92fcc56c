import { z } from 'zod';

/** Fields that several kinds of objects share. Times are in milliseconds, sizes in bytes: the unit is in the name. */

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const NAME_EXPECTED = 'expected 1 to 64 letters, digits, . _ -, a letter or digit first';

/** A name that people type: of a group, a route, an app, an agent or an admin. */
export const objectName = z
  .string()
  .regex(NAME, NAME_EXPECTED)
  .meta({ description: 'Letters, digits, . _ -, up to 64', example: 'llama' });

export const scopeName = z.string().regex(NAME, NAME_EXPECTED).meta({ example: 'gpu-80gb' });

/** Node's timers hold 31 bits. */
const LONGEST_MS = 2 ** 31 - 1;

export const milliseconds = (least = 0) => z.int().min(least).max(LONGEST_MS);

export const description = z.string().max(1_000).default('').meta({ description: 'Free text, for people' });

/** A point in time, as ISO 8601 in UTC. */
export const isoTime = z.iso.datetime({ error: 'expected a time such as 2027-01-31T12:00:00Z, in UTC' });

/** The same; null means never. */
export const instant = isoTime.nullable();

/** The store adds it to every object; clients cannot set it. */
export const revision = z
  .int()
  .min(0)
  .meta({ description: 'The version of the configuration that last changed this object; its ETag' });

/** The positions of items that occur earlier in the list. */
export function repeatedAt(list: readonly string[]): number[] {
  const firstAt = new Map<string, number>();
  return list.flatMap((text, i) => {
    if (firstAt.has(text)) return [i];
    firstAt.set(text, i);
    return [];
  });
}

/** For lists of names in which a repeated name would be ambiguous. */
export function refuseRepeats(list: readonly string[], context: z.RefinementCtx): void {
  for (const i of repeatedAt(list)) {
    context.addIssue({ code: 'custom', path: [i], message: `"${list[i]}" is there twice` });
  }
}
