import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { encodeFrame, FENCE } from '../../router-core/exchange/frames.ts';
import { decoded } from '../support/decoded.ts';
import { FrameStream } from '../../router-core/exchange/frame-stream.ts';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { Outbox } from '../../router-core/redis/frames/outbox.ts';
import { loadScript } from '../../router-core/redis/connection/run-script.ts';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { recordLog } from '../support/config.ts';
import { monitorCommands } from '../support/monitor.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// Frames of more than 16 KiB are appended beside the script of their batch, and all that it promises holds for them.

const KEY = 'mr:{bulk}:up:r1';
const TTL_MS = 60_000;
const keys = groupKeys('bulk');
const send = loadScript('send');

/** The hub's outbox, with one stream to an agent. */
async function outboxHere() {
  const { url } = await redisHere();
  const { log } = recordLog();
  const store = openStore({ url, log });
  const redis = new Redis(url, { protocol: 2 });
  const refused: string[] = [];
  const outbox = new Outbox({
    connection: store.at('bulk', 'commands'),
    script: send,
    log,
    groupInput: () => ({ keys: [], args: [] }),
    args: () => [keys.prefix, TTL_MS],
    onRefused: (stream) => refused.push(stream.id),
  });
  onTestFinished(() => {
    outbox.close();
    store.close();
    redis.disconnect();
  });
  const stream = new FrameStream({
    id: 'r1',
    attempt: 1,
    outKey: KEY,
    inKey: 'mr:{bulk}:down:r1:1',
    reader: 'agent',
    credit: 1e9,
    onPending: (pending) => outbox.add(pending),
  });
  const sent = () => outbox.drained(AbortSignal.timeout(5_000));
  const bodies = async () => {
    const entries = await redis.xrangeBuffer(KEY, '-', '+');
    return entries.map(([, [, frame]]) => decoded(frame as Buffer).frame.body);
  };
  return { url, redis, stream, sent, bodies, refused };
}

function bulk(letter: string): Buffer {
  return Buffer.alloc(100_000, letter);
}

/** Bytes of the largest command that the server saw, as MONITOR writes them. */
function longest(lines: readonly string[], name: string): number {
  const those = lines.filter((line) => line.includes(`] "${name}"`));
  return Math.max(...those.map((line) => line.length));
}

test('frames arrive as they were sent, in a stream that expires, and no script is given their bytes', async () => {
  const { url, redis, stream, sent, bodies, refused } = await outboxHere();
  const lines = await monitorCommands(Number(new URL(url).port));
  stream.write(bulk('a'));
  stream.write(bulk('b'));
  await sent();
  stream.write(bulk('c'));
  await sent();

  expect(await bodies()).toEqual([Buffer.concat([bulk('a'), bulk('b')]), bulk('c')]);
  expect(await redis.pttl(KEY)).toBeGreaterThan(TTL_MS - 10_000);
  expect(refused).toEqual([]);
  await waitFor(() => lines.filter((line) => line.includes('"exec"')).length === 2, {
    what: 'both commands',
  });
  expect(longest(lines, 'xadd')).toBeGreaterThan(200_000);
  expect(longest(lines, 'evalsha')).toBeLessThan(1_000);
});

test('a frame that is there already is not appended twice', async () => {
  const { redis, stream, sent, bodies, refused } = await outboxHere();
  const first = encodeFrame('r1', 1, 1, { body: [bulk('a')] });
  await redis.xadd(KEY, '1-0', 'f', first);
  stream.write(bulk('a'));
  await sent();
  expect(await bodies()).toEqual([bulk('a')]);
  expect(refused).toEqual([]);
});

test('a stream whose reader has removed it takes no more, and does not come back', async () => {
  const { redis, stream, sent, refused } = await outboxHere();
  stream.write(bulk('a'));
  await sent();
  await redis.del(KEY);
  stream.write(bulk('b'));
  await sent();
  expect(refused).toEqual(['r1']);
  expect(await redis.exists(KEY)).toBe(0);
});

test('a stream that is fenced takes no more', async () => {
  const { redis, stream, sent, bodies, refused } = await outboxHere();
  stream.write(bulk('a'));
  await sent();
  await redis.xadd(KEY, `${FENCE}-0`, 'f', encodeFrame('r1', 1, FENCE, { stop: true }));
  stream.write(bulk('b'));
  await sent();
  expect(refused).toEqual(['r1']);
  expect(await bodies()).toEqual([bulk('a'), undefined]);
});

test('a full Redis takes them, too', async () => {
  const { redis, stream, sent, bodies, refused } = await outboxHere();
  await redis.config('SET', 'maxmemory', '1mb');
  await expect(redis.set('other', 'x')).rejects.toThrow('OOM');
  stream.write(bulk('a'));
  await sent();
  stream.write(bulk('b'));
  await sent();
  expect(await bodies()).toEqual([bulk('a'), bulk('b')]);
  expect(refused).toEqual([]);
});
