import type { Store } from './store.ts';
import { callEveryNode } from './store-call.ts';

/** All keys that match, on all servers. Walks every key of the store, so it must not run often. */
export async function scanKeys(store: Pick<Store, 'masters'>, pattern: string): Promise<string[]> {
  const found = await callEveryNode(store, async (client) => {
    const names: string[] = [];
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
      names.push(...keys);
      cursor = next;
    } while (cursor !== '0');
    return names;
  });
  return [...new Set(found.flat())];
}
