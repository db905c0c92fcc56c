import type { Redis } from 'ioredis';
import { StoreUnavailableError, type Connection } from './connection.ts';

/**
 * Asks Redis something. Rejects with StoreUnavailableError when it is away, goes away meanwhile, or refuses (loading, full,
 * read-only): for whoever asks it is the same, and what it said is the cause.
 */
export async function callStore<T>(connection: Connection, use: (client: Redis) => Promise<T>): Promise<T> {
  const { client } = connection;
  if (!client) throw new StoreUnavailableError(false);
  try {
    return await use(client);
  } catch (error) {
    // A mistake of ours is no outage.
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    throw new StoreUnavailableError(true, { cause: error });
  }
}
