import { z } from 'zod';
import type { ApiContext } from './endpoint.ts';

/** The query of every write of an object. */
export const dryRunQuery = z.object({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'true: check the change and answer its result without making it' }),
});

export function isDryRun(c: ApiContext): boolean {
  return c.req.query('dryRun') === 'true';
}
