import { z } from 'zod';

const requestSchema = z.looseObject({
  id: z.string(),
  group: z.string(),
  state: z.string(),
  method: z.string().catch(''),
  target: z.string().catch(''),
  hub: z.string().catch(''),
  instance: z.string().nullable().catch(null),
  attempt: z.number().catch(1),
  sinceMs: z.number().catch(0),
});

export const requestsSchema = z.array(requestSchema);

/** A request that has no answer yet. */
export type RequestInFlight = z.output<typeof requestSchema>;
