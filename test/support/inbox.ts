import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { FrameReader } from '../../router-core/exchange/frame-reader.ts';
import { ROOM_BYTES } from '../../router-core/exchange/frame-stream.ts';
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
  /** The streams that it had to abandon: tag and reason. */
  readonly faults: readonly string[];
}

/** A reader of the first attempt that has read nothing yet. */
export function readerOf(
  id: string,
  key: string,
  onFrame: FrameReader['onFrame'],
  onFault: FrameReader['onFault'] = (why) => {
    throw new Error(why);
  },
): FrameReader {
  const heardAt = performance.now();
  return { id, attempt: 1, key, lastSeq: 0, heardAt, room: ROOM_BYTES, onFrame, onFault };
}

/** An inbox that has subscribed to this channel, on a Redis of its own. Ends with the test. */
export async function inboxHere(channel: string): Promise<InboxHere> {
  const { url } = await redisHere();
  const { log } = recordLog();
  const store = openStore({ url, log });
  const onFault = (tag: string, why: string) => faults.push(`${tag}: ${why}`);
  const faults: string[] = [];
  const inbox = new Inbox({ store, onFault, log });
  const redis = new Redis(url, { protocol: 2 });
  onTestFinished(() => {
    inbox.stop();
    store.close();
    redis.disconnect();
  });
  inbox.listen(channel);
  await waitFor(() => inbox.subscribed, { what: 'the inbox to listen' });
  return { inbox, store, redis, faults };
}
