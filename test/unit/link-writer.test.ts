import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import {
  decodeMessage,
  MAX_MESSAGE_BYTES,
  PIECE_BYTES,
} from '../../router-core/websocket/wire/link-message.ts';
import { LinkReader } from '../../router-core/websocket/wire/link-reader.ts';
import { LinkWriter } from '../../router-core/websocket/wire/link-writer.ts';
import { readData } from '../../router-core/websocket/wire/read-parts.ts';

/** The other end of a link, and a writer to it that sends when it is told. */
function wire() {
  const pending: LinkWriter[] = [];
  const target = { onPending: (writer: LinkWriter) => void pending.push(writer) };
  const got = {
    head: [] as string[],
    body: [] as Buffer[],
    end: [] as string[],
    failed: [] as string[],
    closed: 0,
  };
  let writable = 0;
  let last = 0;
  const writer = new LinkWriter({
    target,
    channel: 1,
    upTo: WINDOW_BYTES,
    onWritable: () => (writable += 1),
    onLast: () => (last += 1),
  });
  /** Sends at most so many messages. */
  const send = (most = Infinity) => {
    for (let i = 0; i < most && pending.length > 0; i += 1) {
      const message = pending.shift()?.take();
      const { json, body } = (message && decodeMessage(message)) ?? {};
      if (!message || !json || !body) continue;
      expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(body.length).toBeLessThanOrEqual(PIECE_BYTES);
      const { head, end, failed } = readData(json);
      if (head !== undefined) got.head.push(head);
      if (end !== undefined) got.end.push(end);
      if (failed !== undefined) got.failed.push(failed);
      if (json['closed'] !== undefined) got.closed += 1;
      got.body.push(body);
    }
  };
  return {
    writer,
    target,
    pending,
    got,
    send,
    counts: () => ({ writable, last }),
    bytes: () => Buffer.concat(got.body),
  };
}

test('a small reply is one message', () => {
  const { writer, pending, got, send, counts } = wire();
  writer.head('200\n\n1\n');
  writer.write(Buffer.from('hello'));
  writer.end('a\nb');
  expect(pending).toHaveLength(1);
  send(1);
  expect(got).toMatchObject({ head: ['200\n\n1\n'], end: ['a\nb'] });
  expect(pending).toHaveLength(0);
  expect(counts().last).toBe(1);
});

test('interim heads are alone in their messages, before everything else', () => {
  const { writer, got, send, bytes } = wire();
  writer.interim('103\n\n1\n');
  writer.head('200\n\n1\n');
  writer.write(Buffer.from('x'));
  send(1);
  expect(got.head).toEqual(['103\n\n1\n']);
  expect(bytes()).toHaveLength(0);
  send();
  expect(got.head).toEqual(['103\n\n1\n', '200\n\n1\n']);
});

test('the largest heads and trailers there may be fit into messages', () => {
  const { writer, got, send } = wire();
  const most = '"'.repeat(64 * 1024);
  writer.head(most);
  writer.write(Buffer.alloc(PIECE_BYTES));
  writer.end('ÿ'.repeat(64 * 1024));
  send();
  expect(got.head).toEqual([most]);
  expect(got.end[0]).toHaveLength(64 * 1024);
});

test('a window closes, and opens with the credit of what was consumed; no credit makes it larger than it is', () => {
  const { writer, send, counts } = wire();
  expect(writer.write(Buffer.alloc(WINDOW_BYTES))).toBe(false);
  writer.credit(Number.MAX_SAFE_INTEGER);
  expect(counts().writable).toBe(0);
  send();
  writer.credit(WINDOW_BYTES + 1);
  expect(counts().writable).toBe(1);
  expect(writer.write(Buffer.alloc(1))).toBe(false);
  send();
  writer.credit(Number.MAX_SAFE_INTEGER);
  expect(writer.write(Buffer.alloc(WINDOW_BYTES))).toBe(false);
});

test('what is closed sends no more of its body, on another link neither', () => {
  const { writer, target, got, send, bytes } = wire();
  writer.head('200\n\n1\n');
  writer.write(Buffer.alloc(100_000));
  send(2);
  writer.close();
  writer.detach();
  expect(writer.resume(target, { channel: 2, have: 16_384, headSeen: true, upTo: 0 })).toBe(true);
  send();
  expect({ closed: got.closed, heads: got.head.length, bytes: bytes().length }).toEqual({
    closed: 1,
    heads: 1,
    bytes: 32_768,
  });
});

test('what was never sent, or was dropped, cannot be gone on from', () => {
  const { writer, target, send } = wire();
  writer.write(Buffer.alloc(WINDOW_BYTES));
  send();
  writer.credit(WINDOW_BYTES + 500_000);
  writer.detach();
  expect(writer.resume(target, { channel: 2, have: 100, headSeen: true, upTo: 0 })).toBe(false);
  expect(writer.resume(target, { channel: 2, have: WINDOW_BYTES + 1, headSeen: true, upTo: 0 })).toBe(false);
  expect(writer.resume(target, { channel: 2, have: 600_000, headSeen: true, upTo: 0 })).toBe(true);
});

test('whatever links are lost when, every byte comes once and in order, with one head that stays and one end', () => {
  const step = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ send: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ consume: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ lose: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { writer, target, pending, got, send, bytes, counts } = wire();
      const sent: Buffer[] = [];
      let counter = 0;
      let consumed = 0;
      writer.head('200\n\n1\n');
      /** The link is lost; the next hub has at least what the client has consumed. */
      const lose = (share: number) => {
        writer.detach();
        pending.length = 0;
        const have = consumed + Math.floor((bytes().length - consumed) * share);
        const kept = bytes().subarray(0, have);
        got.body.splice(0, Infinity, kept);
        got.end.length = 0;
        if (have === 0) got.head.length = 0;
        const headSeen = got.head.length > 0;
        expect(writer.resume(target, { channel: 2, have, headSeen, upTo: consumed + WINDOW_BYTES })).toBe(
          true,
        );
      };
      for (const each of steps) {
        if ('write' in each) {
          const chunk = Buffer.alloc(each.write, (counter += 1) % 251);
          sent.push(chunk);
          writer.write(chunk);
        } else if ('send' in each) send(each.send);
        else if ('consume' in each) {
          consumed += Math.floor((bytes().length - consumed) * each.consume);
          writer.credit(consumed + WINDOW_BYTES);
        } else lose(each.lose);
      }
      writer.end('');
      send(2);
      lose(0.5);
      send();
      expect(bytes().equals(Buffer.concat(sent))).toBe(true);
      expect(got).toMatchObject({ head: ['200\n\n1\n'], end: [''] });
      expect(counts().last).toBeGreaterThan(0);
    }),
    { numRuns: 200 },
  );
});

test('a reader grants in steps of a quarter window, and notices who goes on beyond it', () => {
  const credits: number[] = [];
  const reader = new LinkReader({ upTo: 0, onCredit: (upTo) => credits.push(upTo) });
  reader.open(WINDOW_BYTES);
  expect(reader.accept(WINDOW_BYTES + 256 * 1024)).toBe(true);
  expect(reader.accept(1)).toBe(false);
  reader.consume(WINDOW_BYTES / 4 - 1);
  expect(credits).toEqual([WINDOW_BYTES]);
  reader.consume(1);
  expect(credits).toEqual([WINDOW_BYTES, WINDOW_BYTES * 1.25]);
});
