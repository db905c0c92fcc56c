import { expect, test } from 'vitest';
import { FrameStream, WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { JoinedChunks } from '../../router-core/exchange/joined-chunks.ts';
import { createRandom } from '../support/random.ts';
import { decoded } from '../support/decoded.ts';

const MIB = 1024 * 1024;

test('what is alone, and what is large, is the very Buffer that came', () => {
  const joined = new JoinedChunks();
  const [small, large, larger] = [Buffer.from('x'), Buffer.alloc(5_000), Buffer.alloc(70_000)];
  joined.add(small);
  expect(joined.take(MIB)).toEqual([small]);
  joined.add(small);
  joined.add(large);
  joined.add(larger);
  const taken = joined.take(MIB);
  expect(taken.map((chunk, i) => chunk === [small, large, larger][i])).toEqual([true, true, true]);
  expect(joined.bytes).toBe(0);
});

test('pieces of any sizes come out as they came, in frames that are no larger than asked for', () => {
  const random = createRandom(7);
  const joined = new JoinedChunks();
  const bytes = Buffer.alloc(2 * MIB);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random() * 256;
  const out: Buffer[] = [];
  const drain = (most: number) => {
    const taken = Buffer.concat(joined.take(most));
    expect(taken.length).toBeLessThanOrEqual(most);
    out.push(taken);
  };
  for (let at = 0; at < bytes.length;) {
    const size = Math.ceil(random() ** 8 * 300_000);
    joined.add(bytes.subarray(at, at + size));
    at += size;
    if (random() < 0.01) drain(Math.ceil(random() * 300_000));
  }
  while (joined.bytes > 0) drain(256 * 1024);
  expect(Buffer.concat(out).equals(bytes)).toBe(true);
});

test('a window of one-byte pieces has some hundred Buffers, in no more than twice its memory', () => {
  const joined = new JoinedChunks();
  const piece = Buffer.from('x');
  for (let i = 0; i < WINDOW_BYTES; i++) joined.add(piece);
  const chunks = joined.take(WINDOW_BYTES);
  expect(chunks.length).toBeLessThan(100);
  const blocks = new Set(chunks.map(({ buffer }) => buffer));
  expect([...blocks].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(2 * WINDOW_BYTES);
});

test('a stream that is written byte by byte keeps its order, its credit and its frames', () => {
  const stream = new FrameStream({
    id: 'id',
    attempt: 1,
    outKey: 'down',
    inKey: 'up',
    reader: 'hub',
    credit: WINDOW_BYTES,
    onPending: () => undefined,
  });
  const bytes = Buffer.alloc(WINDOW_BYTES);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = at % 251;
    stream.write(bytes.subarray(at, at + 1));
    if (at === bytes.length - 2) expect(stream.writable).toBe(true);
  }
  expect(stream.writable).toBe(false);
  stream.end();
  const bodies: Buffer[] = [];
  for (let isOver = false; !isOver;) {
    const { frame, bulk } = stream.take();
    const { body, end } = decoded(Buffer.concat([frame ?? Buffer.alloc(0), ...bulk])).frame;
    bodies.push(body ?? Buffer.alloc(0));
    isOver = end !== undefined;
  }
  expect(bodies.length).toBeLessThan(6);
  expect(Buffer.concat(bodies).equals(bytes)).toBe(true);
});
