import { z } from 'zod';

const DEFAULT_LIMIT = 100;
const MOST_ITEMS = 1_000;

/** The parameters of every list: the size of a page, and where it begins. */
export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_ITEMS)
    .default(DEFAULT_LIMIT)
    .meta({ description: 'Items on a page, at most' }),
  after: z.string().max(300).optional().meta({ description: '`next` of the previous page' }),
};

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: z
      .string()
      .nullable()
      .meta({ description: 'Pass it as `after` to get the next page; null: this is the last page' }),
  });
}

const groupError = z.object({ group: z.string(), message: z.string() }).meta({ id: 'GroupError' });

/** A field of lists over groups, some of which may not be readable. */
export const groupErrors = z
  .array(groupError)
  .optional()
  .meta({ description: 'Groups whose state in Redis could not be read: repair them' });

export function pageOfGroups<T extends z.ZodType>(item: T) {
  return pageOf(item).extend({ errors: groupErrors });
}

/** Names in order. The maps never change, so each is sorted once. */
const sortedNames = new WeakMap<ReadonlyMap<string, unknown>, readonly string[]>();

/** A page of objects in the order of their names. */
export function pageByName<T>(
  objects: ReadonlyMap<string, T>,
  { limit, after }: { limit: number; after?: string | undefined },
): { items: T[]; next: string | null } {
  const names = sortedNames.get(objects) ?? [...objects.keys()].sort();
  sortedNames.set(objects, names);
  const start = after === undefined ? 0 : names.findIndex((name) => name > after);
  const page = start < 0 ? [] : names.slice(start, start + limit);
  const isLast = start < 0 || start + limit >= names.length;
  return {
    items: page.flatMap((name) => objects.get(name) ?? []),
    next: isLast ? null : (page.at(-1) ?? null),
  };
}
