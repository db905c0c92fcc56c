import type { Redis } from 'ioredis';
import type { Connection } from './connection.ts';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import type { Store } from './store.ts';

/**
 * Calls Redis. Rejects with StoreUnavailableError when it is away, goes away during the call, or refuses it (loading, full,
 * read-only): for the caller these are the same. The cause is the error of Redis.
 */
export async function callStore<T>(connection: Connection, use: (client: Redis) => Promise<T>): Promise<T> {
  const { client } = connection;
  if (!client) throw new StoreUnavailableError(false);
  try {
    return await use(client);
  } catch (error) {
    // A bug of ours is no outage.
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    throw new StoreUnavailableError(true, { cause: error });
  }
}

/**
 * Calls each server with those of these hash tags whose keys it has. Rejects when a call failed, after the others have ended.
 * Results come in any order.
 */
export async function callByNode<T>(
  store: Pick<Store, 'at'>,
  tags: readonly string[],
  use: (client: Redis, tags: string[]) => Promise<T>,
): Promise<T[]> {
  const nodes = new Map<Redis | undefined, { connection: Connection; tags: string[] }>();
  for (const tag of tags) {
    const connection = store.at(tag, 'commands');
    const node = nodes.get(connection.client);
    if (node) node.tags.push(tag);
    else nodes.set(connection.client, { connection, tags: [tag] });
  }
  return allOrFirstFailure(
    [...nodes.values()].map(({ connection, tags: its }) =>
      callStore(connection, (client) => use(client, its)),
    ),
  );
}

/** Calls every server. */
export function callEveryNode<T>(
  store: Pick<Store, 'masters'>,
  use: (client: Redis) => Promise<T>,
): Promise<T[]> {
  const masters = store.masters();
  // The servers are not known yet.
  if (masters.length === 0) return Promise.reject(new StoreUnavailableError(false));
  return allOrFirstFailure(masters.map((connection) => callStore(connection, use)));
}

/** Like Promise.all, but waits for all calls before it rejects. */
export async function allOrFirstFailure<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(calls);
  return Promise.all(calls);
}
