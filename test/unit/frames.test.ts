import { describe, expect, test } from 'vitest';
import { fieldLines } from '../../router-core/http/field-lines.ts';
import {
  decodeFrame,
  encodeFrame,
  FENCE,
  movedFrame,
  PART,
  type FrameParts,
} from '../../router-core/exchange/frames.ts';
import { decoded } from '../support/decoded.ts';
import {
  decodeReplyHead,
  decodeRequestHead,
  encodeReplyHead,
  encodeRequestHead,
} from '../../router-core/exchange/heads.ts';

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_each, i) => i));

const FRAMES: [what: string, parts: FrameParts][] = [
  ['a notice', {}],
  ['an owner', { owner: 'agent-1.0a1b2c3d' }],
  ['a head', { head: EVERY_BYTE.toString('latin1') }],
  ['an empty head', { head: '' }],
  ['credit', { credit: 0xffff_ffff }],
  ['a failure', { failed: 'upstream-failed\nsocket hang up' }],
  ['an end', { end: '' }],
  ['an end with trailers', { end: 'X-Sum\ncaf\xe9' }],
  ['a body', { body: [EVERY_BYTE, Buffer.from('more')] }],
  ['a stop', { stop: true }],
  [
    'everything at once',
    {
      owner: 'a',
      head: EVERY_BYTE.toString('latin1'),
      credit: 7,
      failed: 'x\ny',
      end: 'T\nv',
      body: [EVERY_BYTE],
      stop: true,
    },
  ],
];

describe('a frame', () => {
  test.each(FRAMES)('with %s comes back as it was', (_what, parts) => {
    const bytes = encodeFrame('0a1b2c-1z', 3, 42, parts);
    const { frame, next } = decoded(bytes);
    expect(next).toBe(bytes.length);
    expect(frame).toMatchObject({ id: '0a1b2c-1z', attempt: 3, seq: 42 });
    expect(frame.owner).toBe(parts.owner);
    expect(frame.head).toBe(parts.head);
    expect(frame.credit).toBe(parts.credit ?? 0);
    expect(frame.failed).toBe(parts.failed);
    expect(frame.end).toBe(parts.end);
    expect(frame.body?.toString('hex')).toBe(parts.body && Buffer.concat(parts.body).toString('hex'));
    expect((frame.parts & PART.stop) !== 0).toBe(parts.stop ?? false);
  });

  test.each(FRAMES)('with %s that is cut off anywhere is none, never half a frame', (_what, parts) => {
    const bytes = encodeFrame('0a1b2c-1z', 1, 1, parts);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeFrame(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  test('may follow another: a doorbell carries any number of them', () => {
    const list = FRAMES.map(([, parts], i) => encodeFrame(`id-${i}`, 1, i, parts));
    const message = Buffer.concat(list);
    const ids: string[] = [];
    for (let at = 0; at < message.length;) {
      const { frame, next } = decoded(message, at);
      ids.push(frame.id);
      at = next;
    }
    expect(ids).toEqual(list.map((_each, i) => `id-${i}`));
  });

  test('can have the last attempt and the last sequence number there are', () => {
    const { frame } = decoded(encodeFrame('x', 65_535, FENCE, { end: '' }));
    expect(frame).toMatchObject({ attempt: 65_535, seq: FENCE });
    // With a boxed one, V8 migrates an object for every request that follows a cancelled one.
    expect(FENCE | 0).toBe(FENCE);
  });

  test('knows a zero-length body from none', () => {
    expect(decoded(encodeFrame('x', 1, 1, { body: [] })).frame.body).toBeUndefined();
    expect(decoded(encodeFrame('x', 1, 1, {})).frame.body).toBeUndefined();
  });
});

const HEADERS = ['Host', 'h', 'x-A', '', 'X-a', 'caf\xe9 \x80\xff', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'];

describe('a head', () => {
  test.each([[HEADERS], [[]], [['X-Empty', '']]])('of a request comes back as it was', (headers) => {
    const fields = fieldLines(headers);
    const head = { method: 'M-SEARCH', target: '//a%2Fb?', fields, upgrade: 'websocket' };
    expect(decodeRequestHead(encodeRequestHead(head))).toEqual(head);
    expect(decodeRequestHead(encodeRequestHead({ ...head, upgrade: '' }))).toEqual({ ...head, upgrade: '' });
  });

  test.each([[HEADERS], [[]], [['X-Empty', '']]])('of a reply comes back as it was', (headers) => {
    const head = { status: 299, reason: 'Tr\xe8s bien', upstreamMs: 12.3, fields: fieldLines(headers) };
    expect(decodeReplyHead(encodeReplyHead(head))).toEqual(head);
    expect(decodeReplyHead(encodeReplyHead({ ...head, reason: '' }))).toEqual({ ...head, reason: '' });
  });
});

test('a frame of a moved request always says why', () => {
  const { frame } = decoded(movedFrame('id-1', 2, 'lost', 'its lease has ended'));
  expect(frame).toMatchObject({ failed: 'lost\nits lease has ended', seq: FENCE });
});
