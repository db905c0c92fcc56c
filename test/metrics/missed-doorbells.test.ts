import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { encodeFrame } from '../../router-core/protocol/frames.ts';
import { Inbox, type FrameReader } from '../../router-core/protocol/inbox.ts';
import { openStore } from '../../router-core/protocol/store.ts';
import { recordLog } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'mr:{doorbells}:hub:h';
const KEY = 'mr:{doorbells}:down:r:1';

test('a frame that no doorbell has announced is counted, one that was rung is not', async () => {
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
  let frames = 0;
  const onFrame = () => (frames += 1);
  const reader: FrameReader = {
    id: 'r',
    attempt: 1,
    key: KEY,
    lastSeq: 0,
    heardAt: performance.now(),
    onFrame,
  };
  inbox.open(reader);
  await waitFor(() => inbox.subscribed, { what: 'the inbox to listen' });
  const write = async (seq: number, { ring }: { ring: boolean }) => {
    const frame = encodeFrame('r', 1, seq, { body: [Buffer.from('x')] });
    await redis.xadd(KEY, `${seq}-0`, 'f', frame);
    if (ring) await redis.spublish(CHANNEL, frame);
  };

  await write(1, { ring: true });
  await waitFor(() => frames === 1, { what: 'the rung frame' });
  expect(inbox.missedDoorbells).toBe(0);

  await write(2, { ring: false });
  await waitFor(() => frames === 2, { what: 'the frame to be found after a second of silence' });
  await waitFor(() => inbox.missedDoorbells === 1, { what: 'the silence to be counted' });

  await write(3, { ring: false });
  await write(4, { ring: true });
  await waitFor(() => frames === 4, { what: 'both frames, as the second tells that one is missing' });
  expect(inbox.missedDoorbells).toBe(2);
});
