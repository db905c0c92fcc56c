import { expect, test } from 'vitest';
import { ROOM_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { encodeFrame, FENCE, type Frame } from '../../router-core/exchange/frames.ts';
import { badInput } from '../../router-core/runtime/bad-input.ts';
import { inboxHere, readerOf, type InboxHere } from '../support/inbox.ts';
import { waitFor } from '../support/wait.ts';

// Data that a thief in one group can put into channels and streams, and the reactions of a hub that reads it.

const CHANNEL = 'mr:{beta}:hub:h';
const KEY = 'mr:{beta}:down:r:1';

interface Followed extends InboxHere {
  readonly frames: Frame[];
  readonly whys: string[];
}

/** An inbox with one reader, of request `r`. */
async function followed(key = KEY): Promise<Followed> {
  const here = await inboxHere(CHANNEL);
  const frames: Frame[] = [];
  const whys: string[] = [];
  here.inbox.open(
    readerOf(
      'r',
      key,
      (frame) => frames.push(frame),
      (why) => whys.push(why),
    ),
  );
  return { ...here, frames, whys };
}

const body = (seq: number, bytes: number) => encodeFrame('r', 1, seq, { body: [Buffer.alloc(bytes)] });

test.each([
  ['a single byte', Buffer.from([0])],
  ['nothing', Buffer.alloc(0)],
  ['a frame that says that it is longer', Buffer.concat([Buffer.from([0, 0, 1, 0]), Buffer.alloc(40)])],
  [
    'a frame with a part that is longer than itself',
    Buffer.from('0000000e02000100000001017200000fff', 'hex'),
  ],
])('a doorbell with %s costs that doorbell, and the next one is heard', async (_what, message) => {
  const { redis, frames, whys } = await followed();
  const before = badInput.counts.doorbell;
  await redis.spublish(CHANNEL, message);
  await redis.spublish(CHANNEL, body(1, 10));
  await waitFor(() => frames.length === 1, { what: 'the good frame' });
  expect(badInput.counts.doorbell - before).toBe(message.length > 0 ? 1 : 0);
  expect(whys).toEqual([]);
});

test('a channel of one group brings nothing to a request of another', async () => {
  const { redis, inbox, frames } = await followed('mr:{alpha}:down:r:1');
  inbox.listen('mr:{alpha}:hub:h');
  await redis.spublish(CHANNEL, body(1, 10));
  await redis.spublish(CHANNEL, encodeFrame('r', 1, 1, { stop: true }));
  // In its own channel the same frame counts, and comes as the first.
  await waitFor(() => redis.spublish('mr:{alpha}:hub:h', body(1, 11)), { what: 'somebody to listen' });
  await waitFor(() => frames.length > 0, { what: 'the frame of its own group' });
  expect(frames.map((frame) => frame.body?.length)).toEqual([11]);
});

test('a hint says nothing but where a request is', async () => {
  const { redis, frames } = await followed();
  for (const parts of [{ stop: true }, { failed: 'x\ny' }, { end: '' }, { head: 'x' }]) {
    await redis.spublish(CHANNEL, encodeFrame('r', 1, 0, parts));
  }
  await redis.spublish(CHANNEL, body(1, 10));
  await waitFor(() => frames.length > 0, { what: 'the good frame' });
  expect(frames.map(({ seq }) => seq)).toEqual([1]);
});

test.each<[string, (redis: Followed['redis']) => Promise<unknown>]>([
  ['an entry that is no frame', (redis) => redis.xadd(KEY, '1-0', 'f', 'x')],
  [
    'an entry with the frame of another request',
    (redis) => redis.xadd(KEY, '1-0', 'f', encodeFrame('q', 1, 1, {})),
  ],
  ['something that is no stream', (redis) => redis.set(KEY, 'x')],
])('%s ends that reply, once', async (_what, put) => {
  const { redis, frames, whys, faults } = await followed();
  await put(redis);
  await waitFor(() => whys.length > 0, { what: 'the reply to be given up' });
  expect(whys).toHaveLength(1);
  expect(faults).toEqual([`beta: ${whys[0]}`]);
  expect(frames).toEqual([]);
});

test('a frame of 64 MiB is not read, and its reply ends', async () => {
  const { redis, whys } = await followed();
  const before = process.memoryUsage.rss();
  await redis.xadd(KEY, '1-0', 'f', Buffer.alloc(64 * 1024 * 1024));
  await redis.spublish(CHANNEL, encodeFrame('r', 1, 1, {}));
  await waitFor(() => whys.length > 0, { what: 'the reply to be given up' });
  expect(whys).toEqual(['its writer is too far ahead']);
  // The test itself made and sent the frame: twice its size. Read, it would be there two more times.
  expect(process.memoryUsage.rss() - before).toBeLessThan(180 * 1024 * 1024);
});

test('a writer that does not wait for its reader is given up, at one window and what comes while it closes', async () => {
  const { redis, frames, whys } = await followed();
  for (let seq = 1; seq <= 200; seq++) {
    await redis.xadd(KEY, `${seq}-0`, 'f', body(seq, 16_000));
    await redis.spublish(CHANNEL, body(seq, 16_000));
  }
  await waitFor(() => whys.length > 0, { what: 'the reply to be given up' });
  expect(whys).toHaveLength(1);
  expect(frames.length * 16_000).toBeLessThanOrEqual(ROOM_BYTES);
  expect(frames.length * 16_000).toBeGreaterThan(ROOM_BYTES - 32_000);
});

test('a stream that has grown with what was read long ago is no fault', async () => {
  const { redis, frames, whys, inbox } = await followed();
  const reader = readerOf('r', KEY, (frame) => frames.push(frame));
  reader.room = Infinity;
  inbox.open(reader);
  for (let seq = 1; seq <= 300; seq++) {
    await redis.xadd(KEY, `${seq}-0`, 'f', body(seq, 14_000));
    await redis.spublish(CHANNEL, body(seq, 14_000));
  }
  await redis.xadd(KEY, '301-0', 'f', body(301, 14_000));
  await redis.spublish(CHANNEL, encodeFrame('r', 1, 301, {}));
  await waitFor(() => frames.length === 301, { what: 'the last frame' });
  expect(whys).toEqual([]);
  expect(await redis.xlen(KEY)).toBeLessThanOrEqual(2);
});

test('more frames than one reading takes are all found', async () => {
  const { redis, frames, whys } = await followed();
  const pipeline = redis.pipeline();
  for (let seq = 1; seq <= 1_500; seq++) pipeline.xadd(KEY, `${seq}-0`, 'f', body(seq, 1));
  pipeline.xadd(KEY, `${FENCE}-0`, 'f', encodeFrame('r', 1, FENCE, { failed: 'x\ny' }));
  await pipeline.exec();
  await waitFor(() => frames.length === 1_501, { what: 'all frames', timeoutMs: 5_000 });
  expect(frames.map(({ seq }) => seq)).toEqual([
    ...Array.from({ length: 1_500 }, (_each, i) => i + 1),
    FENCE,
  ]);
  expect(whys).toEqual([]);
});

test('a channel that floods is not listened to for a while, its frames are found, and then it is heard again', async () => {
  const { redis, inbox, frames } = await followed();
  const listeners = async () =>
    Number(((await redis.call('PUBSUB', 'SHARDNUMSUB', CHANNEL)) as unknown[])[1]);
  expect(await listeners()).toBe(1);
  const flood = async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 60; i++) pipeline.spublish(CHANNEL, 'x');
    await pipeline.exec();
    return (await listeners()) === 0;
  };
  await waitFor(flood, { what: 'the inbox to stop listening' });
  await redis.xadd(KEY, '1-0', 'f', body(1, 10));
  await waitFor(() => frames.length === 1, { what: 'the frame to be read', timeoutMs: 3_000 });
  expect(inbox.missedDoorbells).toBe(1);
  await waitFor(async () => (await listeners()) === 1, { what: 'the inbox to listen again' });
  await redis.spublish(CHANNEL, body(2, 10));
  await waitFor(() => frames.length === 2, { what: 'the rung frame', timeoutMs: 500 });
});
