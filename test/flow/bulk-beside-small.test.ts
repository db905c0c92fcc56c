import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { encodeFrame } from '../../router-core/protocol/frames.ts';
import { Inbox } from '../../router-core/protocol/inbox.ts';
import { openStore } from '../../router-core/protocol/store.ts';
import { recordLog } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'mr:{bulk}:hub:h';
const STREAMS = 100;

test('what is asked of Redis waits for a few of the streams that are rung at once, and all are read', async () => {
  const { url } = await redisHere();
  const { log } = recordLog();
  const store = openStore({ url, log });
  const inbox = new Inbox({ store, log });
  inbox.listen(CHANNEL);
  const redis = new Redis(url, { protocol: 2 });
  onTestFinished(() => {
    inbox.stop();
    store.close();
    redis.disconnect();
  });
  const seen: string[] = [];
  const notices: Buffer[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const [id, key] = [`r${i}`, `mr:{bulk}:down:r${i}:1`];
    const onFrame = () => void seen.push(id);
    inbox.open({ id, attempt: 1, key, lastSeq: 0, heardAt: performance.now(), onFrame });
    await redis.xadd(key, '1-0', 'f', encodeFrame(id, 1, 1, { body: [Buffer.alloc(100_000)] }));
    notices.push(encodeFrame(id, 1, 1, {}));
  }
  await waitFor(() => inbox.subscribed, { what: 'the inbox to listen' });
  const commands = await store.at('bulk', 'commands').readyWithin(5_000);

  await redis.spublish(CHANNEL, Buffer.concat(notices));
  await waitFor(() => seen.length > 0, { what: 'the first stream' });
  await commands?.ping();
  expect(seen.length).toBeLessThan(STREAMS / 2);

  await waitFor(() => seen.length === STREAMS, { what: 'all streams' });
  expect(new Set(seen).size).toBe(STREAMS);
  expect(inbox.missedDoorbells).toBe(0);
});
