import { describe, expect, test } from 'vitest';
import { fewestMilliseconds } from '../support/fewest-milliseconds.ts';
import { createRandom } from '../support/random.ts';
import { latin1, recordReplies, refuse as refuseAt } from '../support/replies.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const LONG = 70 * 1024;
const random = createRandom(22);
const refuse = (text: string) => refuseAt(text, random);

describe('what does not end is refused before it does:', () => {
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
  const long = 'a'.repeat(LONG);
  test.each([
    ['a status line', `HTTP/1.1 200 ${long}`],
    ['what may become a status line', long],
    ['a field', `${OK}A: ${long}`],
    ['a name', `${OK}${long}`],
    ['fields', OK + 'A: b\r\n'.repeat(LONG / 6)],
    ['a folded line', `${OK}A: b\r\n${' c\r\n'.repeat(LONG / 4)}`],
    ['the head of an interim reply', `HTTP/1.1 100 \r\n${'A: b\r\n'.repeat(LONG / 6)}`],
    ['the extension of a chunk', `${chunked}1;${long}`],
    ['the size of a chunk', `${chunked}${'0'.repeat(LONG)}`],
    ['the extension of the last chunk', `${chunked}0;${long}`],
    ['a trailer', `${chunked}0\r\nA: ${long}`],
    ['trailers', `${chunked}0\r\n${'A: b\r\n'.repeat(LONG / 6)}`],
  ])('%s', (_, text) => {
    refuse(text);
  });

  test('a head that is too long, though it ends', () => {
    refuse(`${OK}A: ${long}\r\nContent-Length: 0\r\n\r\n`);
    refuse(`${chunked}0\r\nA: ${long}\r\n\r\n`);
  });
});

test('how long a head may be does not depend on its cuts', () => {
  for (let length = 64 * 1024 - 8; length < 64 * 1024 + 8; length++) {
    const start = `${OK}Content-Length: 0\r\nA: `;
    const bytes = latin1(`${start.padEnd(length, 'a')}\r\n\r\n`);
    const [whole, inTwo] = [[bytes], [bytes.subarray(0, -1), bytes.subarray(-1)]].map((pieces) => {
      const { parser, replies } = recordReplies(['GET']);
      try {
        for (const piece of pieces) parser.take(piece);
      } catch {
        return 'refused';
      }
      return replies.length;
    });
    expect({ length, inTwo }).toEqual({ length, inTwo: whole });
  }
});

test('white space within a value takes no time', () => {
  const line = `A: b${' '.repeat(60_000)}c\r\n`;
  for (const text of [
    `${OK}${line}Content-Length: 0\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${line}\r\n`,
  ]) {
    const bytes = latin1(text);
    const ms = fewestMilliseconds(500, () => recordReplies(['GET']).parser.take(bytes));
    expect(ms).toBeLessThan(500);
  }
});
