import type { ServerResponse } from 'node:http';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { startDataPath } from './data-path.ts';
import { openRaw, rawRequest, type RawConnection } from './raw-http.ts';
import type { TestRedis } from './redis.ts';
import { leftovers } from './router.ts';
import { waitFor } from './wait.ts';

/** A path with one slot, which is taken until the first of `held` is answered. */
export async function busyPath(redis: TestRedis, config: Partial<HubConfig> = {}) {
  const held: ServerResponse[] = [];
  const path = await startDataPath(redis, (_req, res) => void held.push(res), {
    hub: config,
    agent: { concurrency: 1 },
  });
  const first = await openRaw(path.port);
  first.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Content-Length: 0']));
  await waitFor(() => held.length === 1, { what: 'the only slot to be taken' });
  const clients: RawConnection[] = [first];
  return {
    port: path.port,
    held,
    first,
    /** One more request, in line. */
    wait: async (fields: readonly string[] = []) => {
      const before = (await leftovers(redis.url, path.group)).entries;
      const client = await openRaw(path.port);
      clients.push(client);
      client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', ...fields]));
      const inLine = async () => (await leftovers(redis.url, path.group)).entries > before;
      await waitFor(inLine, { what: 'the request to be in line' });
      return client;
    },
    close: async () => {
      for (const res of held) res.end();
      for (const client of clients) client.close();
      await path.close();
    },
  };
}
