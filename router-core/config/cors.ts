import { z } from 'zod';

/** Every origin. */
export const ANY_ORIGIN = '*';

/** As browsers write it, RFC 6454 §6.2: no path, not even a slash. Apps have schemes of their own. */
const origin = z
  .string()
  .max(255)
  .regex(
    /^(?:\*|[A-Za-z][A-Za-z0-9+.-]*:\/\/[A-Za-z0-9._~[\]:-]+)$/,
    'expected an origin such as https://app.example.com, or *',
  )
  .toLowerCase()
  .meta({ example: 'https://app.example.com' });

/** Browser apps of other origins that may use a route. */
export const corsSchema = z
  .strictObject({
    origins: z.array(origin).max(64).default([]).meta({
      description:
        'Origins whose pages may use the route; the hub answers their preflights. None: CORS is left to the upstream',
    }),
    credentials: z
      .boolean()
      .default(false)
      .meta({ description: 'Their requests may carry cookies; not with *' }),
  })
  .refine(({ origins, credentials }) => !credentials || !origins.includes(ANY_ORIGIN), {
    path: ['credentials'],
    message: 'any page could act for the user: name the origins',
  })
  .prefault({});
