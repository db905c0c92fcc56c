import { expect, test } from 'vitest';
import { ReplyParser, type ReplySink } from '../../router-core/http/reply-parser.ts';
import { fewestMilliseconds } from '../support/fewest-milliseconds.ts';

const HEAD = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
const READ = 64 * 1024;

/** A parser within a chunked body, and the pieces that it has handed over. */
function withinBody() {
  const pieces: Buffer[] = [];
  const sink: ReplySink = {
    onInterim: () => undefined,
    onHead: () => undefined,
    onBody: (bytes) => void pieces.push(Buffer.from(bytes)),
    onEnd: () => undefined,
  };
  const parser = new ReplyParser();
  parser.expect('GET', sink);
  parser.take(HEAD);
  return { parser, pieces };
}

/** One read full of chunks of these sizes, over and over. */
function chunksOf(sizes: readonly number[]): { bytes: Buffer; body: string } {
  let text = '';
  let body = '';
  for (let i = 0; ; i++) {
    const data = String.fromCharCode(97 + (i % 26)).repeat(sizes[i % sizes.length] ?? 1);
    const chunk = `${data.length.toString(16)}\r\n${data}\r\n`;
    if (text.length + chunk.length > READ) return { bytes: Buffer.from(text), body };
    text += chunk;
    body += data;
  }
}

test.each([
  ['one byte', [1], 1],
  ['a few bytes', [1, 2, 30, 200], 2],
  ['4,000 bytes', [4_000], 2],
  ['all sizes', [1, 5_000, 1, 300, 9_000], 26],
  ['16 KiB', [16_000], 4],
])('the chunks of one read with %s each become few pieces', (_what, sizes, most) => {
  const { bytes, body } = chunksOf(sizes);
  const { parser, pieces } = withinBody();
  parser.take(bytes);
  expect(Buffer.concat(pieces).toString()).toBe(body);
  expect(pieces.length).toBeLessThanOrEqual(most);
});

test('a small reply in one chunk is not copied', () => {
  const bytes = Buffer.from('5\r\nhello\r\n');
  let same = false;
  const parser = new ReplyParser();
  parser.expect('GET', {
    onInterim: () => undefined,
    onHead: () => undefined,
    onBody: (view) => (same = view.buffer === bytes.buffer),
    onEnd: () => undefined,
  });
  parser.take(HEAD);
  parser.take(bytes);
  expect(same).toBe(true);
});

test('what came before a fault is handed over', () => {
  const { parser, pieces } = withinBody();
  expect(() => parser.take(Buffer.from('1\r\na\r\n1\r\nb\r\nx\r\n'))).toThrow(/a chunk without a size/);
  expect(Buffer.concat(pieces).toString()).toBe('ab');
  // The next body of any connection begins without it.
  const next = withinBody();
  next.parser.take(Buffer.from('1\r\nc\r\n'));
  expect(Buffer.concat(next.pieces).toString()).toBe('c');
});

test('a read of 11,000 chunks takes a few milliseconds, and says how many there were', () => {
  const { bytes } = chunksOf([1]);
  const { parser } = withinBody();
  const ms = fewestMilliseconds(4, () => parser.take(bytes));
  expect(parser.chunksTaken).toBeGreaterThan(10_000);
  expect(ms).toBeLessThan(8);
});
