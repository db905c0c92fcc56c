import { describe, expect, test, vi } from 'vitest';
import {
  FrameStream,
  WINDOW_BYTES,
  type FrameStreamOptions,
} from '../../router-core/exchange/frame-stream.ts';
import type { Frame } from '../../router-core/exchange/frames.ts';
import { decoded } from '../support/decoded.ts';

const SETTLE = { entry: '1-0', permit: 'id:1' };

function makeStream(options: Partial<FrameStreamOptions> = {}) {
  const onPending = vi.fn<() => void>();
  const onWritable = vi.fn<() => void>();
  const onSettled = vi.fn<() => void>();
  const stream = new FrameStream({
    id: 'id',
    attempt: 1,
    outKey: 'out',
    inKey: 'in',
    reader: 'hub',
    credit: WINDOW_BYTES,
    onPending,
    onWritable,
    onSettled,
    settle: SETTLE,
    ...options,
  });
  return { stream, onPending, onWritable, onSettled };
}

/** Takes one frame, as the outbox does. */
function take(stream: FrameStream): { frame: Frame; settle: unknown; trimTo: number; notice: Buffer | '' } {
  const item = stream.take();
  if (!item.frame) throw new Error('there is no frame');
  return {
    frame: decoded(Buffer.concat([item.frame, ...item.bulk])).frame,
    settle: item.settle,
    trimTo: item.trimTo,
    notice: item.notice,
  };
}

describe('what is written', () => {
  test('in one tick becomes one frame: head, body and end of a small answer', () => {
    const { stream, onPending, onSettled } = makeStream();
    stream.start({ owner: 'agent', head: 'head' });
    stream.write(Buffer.from('bo'));
    stream.write(Buffer.from('dy'));
    stream.end('X\n1');
    expect(onPending).toHaveBeenCalledTimes(1);
    const { frame, settle, notice } = take(stream);
    expect(frame).toMatchObject({ seq: 1, owner: 'agent', end: 'X\n1' });
    expect(`${frame.head} ${frame.body?.toString()}`).toBe('head body');
    expect(settle).toEqual(SETTLE);
    expect(notice).toBe('');
    expect(onSettled).toHaveBeenCalledTimes(1);
  });

  test('gives each interim head a frame of its own before all else, with the owner in the first', () => {
    const { stream, onPending, onSettled } = makeStream();
    stream.start({ owner: 'agent', credit: 5 });
    stream.interim('agent', '103');
    stream.interim('agent', '102');
    stream.start({ owner: 'agent', head: '200' });
    stream.write(Buffer.from('body'));
    stream.end();
    const frames = Array.from({ length: 3 }, (_each, i) => {
      expect(onPending).toHaveBeenCalledTimes(i + 1);
      expect(onSettled).not.toHaveBeenCalled();
      return take(stream);
    });
    expect(frames.map(({ frame }) => [frame.seq, frame.owner, frame.head, frame.credit])).toEqual([
      [1, 'agent', '103', 0],
      [2, undefined, '102', 0],
      [3, undefined, '200', 5],
    ]);
    expect(frames.map(({ frame }) => frame.body?.toString())).toEqual([undefined, undefined, 'body']);
    expect(frames.map(({ settle, frame }) => [settle, frame.end])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [SETTLE, ''],
    ]);
  });

  test('nothing follows an interim head by itself, and a stream that was closed sends none', () => {
    const { stream, onPending, onSettled } = makeStream();
    stream.interim('agent', '103');
    take(stream);
    expect(onPending).toHaveBeenCalledTimes(1);
    stream.interim('agent', '103');
    stream.close();
    expect(stream.take()).toMatchObject({ frame: undefined, settle: SETTLE });
    expect(onSettled).toHaveBeenCalledTimes(1);
  });

  test('later becomes the next frame, numbered without a gap', () => {
    const { stream, onPending } = makeStream();
    const seqs = ['a', 'b', 'c'].map((text) => {
      stream.write(Buffer.from(text));
      const { frame } = take(stream);
      expect(frame.body?.toString()).toBe(text);
      return frame.seq;
    });
    expect(seqs).toEqual([1, 2, 3]);
    expect(onPending).toHaveBeenCalledTimes(3);
  });

  test('is split when it is large, in order, and the end comes with the last frame only', () => {
    const { stream, onPending, onSettled } = makeStream();
    const chunks = Array.from({ length: 20 }, (_each, i) => Buffer.alloc(50_000, i));
    for (const chunk of chunks) stream.write(chunk);
    stream.end('T\nv');
    const frames: Frame[] = [];
    for (let i = 0; i < onPending.mock.calls.length; i++) {
      expect(onSettled).not.toHaveBeenCalled();
      const { frame, settle } = take(stream);
      frames.push(frame);
      expect(settle === undefined).toBe(frame.end === undefined);
    }
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_each, i) => i + 1));
    expect(frames.map(({ end }) => end).filter((end) => end !== undefined)).toEqual(['T\nv']);
    expect(frames.at(-1)?.end).toBe('T\nv');
    expect(
      Buffer.concat(frames.map(({ body }) => body ?? Buffer.alloc(0))).equals(Buffer.concat(chunks)),
    ).toBe(true);
    expect(onSettled).toHaveBeenCalledTimes(1);
  });

  test('rings with a notice alone when it is too large for a doorbell', () => {
    const { stream } = makeStream();
    stream.write(Buffer.alloc(100_000));
    const { notice } = take(stream);
    if (notice === '') throw new Error('there is no notice');
    expect(decoded(notice).frame).toMatchObject({ id: 'id', seq: 1, parts: 0 });
  });

  test('after the end is dropped', () => {
    const { stream, onPending } = makeStream();
    stream.end();
    stream.write(Buffer.from('late'));
    stream.fail('upstream-failed', 'late');
    stream.end();
    const { frame } = take(stream);
    expect(frame).toMatchObject({ end: '', body: undefined, failed: undefined });
    expect(onPending).toHaveBeenCalledTimes(1);
  });
});

describe('the window', () => {
  test('closes when as much was written as the reader has granted, and opens once it grants more', () => {
    const { stream, onWritable } = makeStream({ credit: 100 });
    expect(stream.write(Buffer.alloc(99))).toBe(true);
    expect(stream.write(Buffer.alloc(1))).toBe(false);
    expect(stream.writable).toBe(false);
    stream.credited(10);
    stream.credited(10);
    expect(onWritable).toHaveBeenCalledTimes(1);
    expect(stream.write(Buffer.alloc(20))).toBe(false);
  });

  test('stays closed until what was written beyond it is granted, too', () => {
    const { stream, onWritable } = makeStream({ credit: 100 });
    expect(stream.write(Buffer.alloc(150))).toBe(false);
    stream.credited(50);
    expect(onWritable).not.toHaveBeenCalled();
    stream.credited(1);
    expect(onWritable).toHaveBeenCalledTimes(1);
  });

  test('is granted back in large steps, and what was read is trimmed', () => {
    const { stream, onPending } = makeStream();
    stream.consume(1_000, 1);
    expect(onPending).not.toHaveBeenCalled();
    stream.consume(WINDOW_BYTES / 4, 5);
    expect(onPending).toHaveBeenCalledTimes(1);
    const { frame, trimTo } = take(stream);
    expect(frame.credit).toBe(1_000 + WINDOW_BYTES / 4);
    expect(trimTo).toBe(6);
  });
});

describe('a stream that ends early', () => {
  test('drops what it holds and still settles, without a frame', () => {
    const { stream, onSettled } = makeStream();
    stream.write(Buffer.from('unsent'));
    stream.close();
    expect(stream.take()).toMatchObject({ frame: undefined, settle: SETTLE });
    expect(onSettled).toHaveBeenCalledTimes(1);
  });

  test('settles nothing when the request belongs to somebody else', () => {
    const { stream, onSettled } = makeStream();
    stream.write(Buffer.from('unsent'));
    stream.abandon();
    expect(stream.take()).toMatchObject({ frame: undefined, settle: undefined });
    expect(onSettled).not.toHaveBeenCalled();
  });

  test('says why it failed, in one line that no byte can break', () => {
    const { stream } = makeStream();
    stream.fail('upstream-failed', `bad\nline \u010a ${'x'.repeat(2_000)}`);
    const failed = take(stream).frame.failed ?? '';
    expect(failed.split('\n')).toHaveLength(2);
    expect(failed).toMatch(/^upstream-failed\nbad line /);
    expect(failed.length).toBeLessThan(600);
  });

  test('is let go only once all that was written before it has gone out', () => {
    const { stream } = makeStream();
    for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(50_000));
    stream.end();
    const first = take(stream);
    expect(first.frame.end).toBeUndefined();
    // The other side has gone in the middle: whatever is left, the entry is settled.
    stream.close();
    let settled: unknown;
    for (let i = 0; i < 10 && settled === undefined; i++) settled = stream.take().settle;
    expect(settled).toEqual(SETTLE);
  });
});
