import { describe, expect, test } from 'vitest';
import { FrameStream, WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { decodeResumePoint } from '../../router-core/exchange/resume-point.ts';
import { FrameOffsets } from '../../router-core/redis/agent/frame-offsets.ts';
import { decoded } from '../support/decoded.ts';

function makeStream(credit: number): FrameStream {
  return new FrameStream({
    ...{ id: 'id', attempt: 1, outKey: 'out', inKey: 'in', reader: 'first', credit },
    onPending: () => undefined,
  });
}

function take(stream: FrameStream) {
  const { frame, bulk, trimKey, trimTo } = stream.take();
  if (!frame) throw new Error('there is no frame');
  return { ...decoded(Buffer.concat([frame, ...bulk])).frame, trimKey, trimTo };
}

describe('a stream whose other end is somebody else now', () => {
  const to = { attempt: 2, inKey: 'in:2', reader: 'second' };
  const point = { received: 500, headSeen: true, upTo: 2_000 };

  test('says what stands in the frames before, what may be sent, and what the hub has said', () => {
    const stream = makeStream(1_000);
    stream.write(Buffer.alloc(300));
    take(stream);
    stream.write(Buffer.alloc(100));
    stream.resume(to, point);
    const frame = take(stream);
    expect(decodeResumePoint(frame.head ?? '')).toEqual({ ...point, sent: 300, asked: 1_000 });
    expect(frame).toMatchObject({ attempt: 2, seq: 2, trimKey: 'in:2' });
    expect(frame.body).toHaveLength(100);
    expect(stream.reader).toBe('second');
  });

  test('drops what it was about to grant: the point has it', () => {
    const stream = makeStream(0);
    stream.consume(WINDOW_BYTES / 4, 7);
    stream.resume(to, point);
    expect(take(stream)).toMatchObject({ credit: 0, trimTo: 0 });
    stream.consume(WINDOW_BYTES / 4 - 1, 1);
    stream.consume(1, 2);
    expect(take(stream)).toMatchObject({ credit: WINDOW_BYTES / 4, trimTo: 3 });
  });

  test('has an owner in the first frame that begins the reply, whatever came before', () => {
    const stream = makeStream(0);
    stream.consume(WINDOW_BYTES, 1);
    expect(take(stream).owner).toBeUndefined();
    stream.start({ owner: 'agent', head: '200' });
    expect(take(stream).owner).toBe('agent');
    stream.start({ owner: 'agent', credit: 1 });
    expect(take(stream).owner).toBeUndefined();
  });
});

test('a frame is needed until the last byte in it was consumed', () => {
  const offsets = new FrameOffsets({ came: 1_000, consumed: 900 });
  offsets.came(4, 100);
  offsets.came(6, 100);
  expect(offsets.consume(199)).toBe(0);
  expect(offsets.consume(1)).toBe(4);
  expect(offsets.consume(50)).toBe(4);
  expect(offsets.consume(50)).toBe(6);
});

test.each(['', '1 2 3 4', '1 2 3 4 5', '1 0 3 4 5 6', '-1 0 3 4 5', '1 0 3 4 12345678901234567'])(
  'is no point: %j',
  (text) => {
    expect(decodeResumePoint(text)).toBeUndefined();
  },
);
