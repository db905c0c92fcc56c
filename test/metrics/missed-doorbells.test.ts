import { expect, test } from 'vitest';
import { encodeFrame } from '../../router-core/exchange/frames.ts';
import { inboxHere, readerOf } from '../support/inbox.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'mr:{doorbells}:hub:h';
const KEY = 'mr:{doorbells}:down:r:1';

test('a frame that no doorbell has announced is counted, one that was rung is not', async () => {
  const { inbox, redis } = await inboxHere(CHANNEL);
  let frames = 0;
  const onFrame = () => (frames += 1);
  inbox.open(readerOf('r', KEY, onFrame));
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
