import { expect, test } from 'vitest';
import { encodeFrame } from '../../router-core/exchange/frames.ts';
import { inboxHere, readerOf } from '../support/inbox.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'mr:{bulk}:hub:h';
const STREAMS = 100;

test('what is asked of Redis waits for a few of the streams that are rung at once, and all are read', async () => {
  const { inbox, store, redis } = await inboxHere(CHANNEL);
  const commands = await store.at('bulk', 'commands').readyWithin(5_000);
  const seen: string[] = [];
  let seenAtAnswer: Promise<number> | undefined;
  const notices: Buffer[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const [id, key] = [`r${i}`, `mr:{bulk}:down:r${i}:1`];
    const onFrame = () => {
      seen.push(id);
      seenAtAnswer ??= commands?.ping().then(() => seen.length);
    };
    inbox.open(readerOf(id, key, onFrame));
    await redis.xadd(key, '1-0', 'f', encodeFrame(id, 1, 1, { body: [Buffer.alloc(100_000)] }));
    notices.push(encodeFrame(id, 1, 1, {}));
  }

  await redis.spublish(CHANNEL, Buffer.concat(notices));
  await waitFor(() => seen.length === STREAMS, { what: 'all streams' });
  expect(new Set(seen).size).toBe(STREAMS);
  expect(await seenAtAnswer).toBeLessThan(STREAMS / 2);
  expect(inbox.missedDoorbells).toBe(0);
});
