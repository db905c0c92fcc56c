import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { Inbox } from '../../router-core/redis/frames/inbox.ts';
import { openStore, type Store } from '../../router-core/redis/connection/store.ts';
import { recordLog } from './config.ts';
import { redisHere } from './parts.ts';
import { waitFor } from './wait.ts';

export interface InboxHere {
  readonly inbox: Inbox;
  readonly store: Store;
  /** A client of the test's own. */
  readonly redis: Redis;
}

/** An inbox that has subscribed to this channel, on a Redis of its own. Ends with the test. */
export async function inboxHere(channel: string): Promise<InboxHere> {
  const { url } = await redisHere();
  const { log } = recordLog();
  const store = openStore({ url, log });
  const inbox = new Inbox({ store, log });
  const redis = new Redis(url, { protocol: 2 });
  onTestFinished(() => {
    inbox.stop();
    store.close();
    redis.disconnect();
  });
  inbox.listen(channel);
  await waitFor(() => inbox.subscribed, { what: 'the inbox to listen' });
  return { inbox, store, redis };
}
