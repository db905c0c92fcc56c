import { z } from 'zod';
import { printable } from '../terminal/printable.ts';
import type { ApiClient, CallOptions } from './client.ts';

const text = z.string().transform(printable);

const meSchema = z.looseObject({ name: text, role: text, expiresAt: z.string().nullable().catch(null) });

export type Me = z.output<typeof meSchema>;

/** The admin of the client's token. Rejects with an ApiFailure when it is not valid. */
export async function whoAmI(api: ApiClient, options: CallOptions = {}): Promise<Me> {
  const { body } = await api.call('GET', '/v1/me', options);
  return meSchema.parse(body);
}
