import { expect, test } from 'vitest';
import { InvalidReplyError } from '../../router-core/http/reply-fields.ts';
import { createRandom, pickOne } from '../support/random.ts';
import { cut, latin1, randomReply, recordReplies, refuse as refuseAt } from '../support/replies.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const EMPTY = `${OK}Content-Length: 0\r\n\r\n`;
const random = createRandom(21);

const refuse = (text: string, method?: string) => refuseAt(text, random, method);
const named = (lines: string[]) => lines.map((line) => [JSON.stringify(line), line] as const);

test.each(
  named([
    'HTTP/2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/11 200 OK',
    'HTTP/1 200 OK',
    'HTTP/1,1 200 OK',
    'HTTP/1.1x 200 OK',
    'HTTP/1.10 200 OK',
    'http/1.1 200 OK',
    'HTTPS/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 OK\r',
    'HTTP/1.1 101 Switching Protocols',
    'Server: x',
    '<html>',
  ]),
)('the status line %s is refused', (_, line) => {
  for (const { heads } of refuse(`${line}\r\nContent-Length: 0\r\n\r\n`)) expect(heads).toEqual([]);
});

test('a reply with no status line is refused', () => {
  refuse('\r\n\r\n');
});

const BAD_LINES = [
  'A : b',
  'A\t: b',
  ': b',
  ':',
  'A',
  'A B: c',
  'A(: b',
  'A\xe4: b',
  'A: b\rc',
  'A: b\nc: d',
  'A: b\n',
  'A: b\r',
  '\rA: b',
  'A\r: b',
  'A\n: b',
  'A: b\0',
  'A\0: b',
  'A: b\r\n c\0d',
  'A: b\r\n c\n',
];

test.each(named([...BAD_LINES, ' A: b', '\tA: b']))('the field line %s is refused', (_, line) => {
  for (const { heads } of refuse(`${OK}${line}\r\nContent-Length: 0\r\n\r\n`)) expect(heads).toEqual([]);
  for (const { replies } of refuse(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${line}\r\n\r\n`))
    expect(replies).toEqual([]);
});

test.each(named(BAD_LINES))(
  'the field line %s is refused behind others, also in an interim reply',
  (_, line) => {
    refuse(`${OK}Content-Length: 0\r\n${line}\r\n\r\n`);
    refuse(`HTTP/1.1 100 \r\nX: y\r\n${line}\r\n\r\n${EMPTY}`);
    refuse(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n${line}\r\n\r\n`);
  },
);

test.each(
  named([
    '\n',
    'HTTP/1.1 200 OK\n\n',
    'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\n\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\rContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\r\n\r\n',
  ]),
)('the head %s is refused', (_, head) => {
  for (const { heads } of refuse(`${head}HTTP/1.1 204 \r\n\r\n`)) expect(heads).toEqual([]);
});

test.each(
  named([
    'Content-Length: ',
    'Content-Length: x',
    'Content-Length: -1',
    'Content-Length: +1',
    'Content-Length: 1.0',
    'Content-Length: 1e0',
    'Content-Length: 0x1',
    'Content-Length: 1 1',
    'Content-Length: 1, 2',
    'Content-Length: 1; 1',
    'Content-Length: 1, 0x1',
    'Content-Length: 1,, 1',
    'Content-Length: 1,',
    'Content-Length: 1\r\n 1',
    'Content-Length: 1a',
    'Content-Length: 1\r\n \x0c',
    'Content-Length: \xb9',
    'Content-Length: 9007199254740993',
    'Content-Length: 18446744073709551617',
    `Content-Length: ${'9'.repeat(400)}`,
    'Content-Length: 1, 1\r\nContent-Length: 2',
    'Content-Length: 1\r\ncontent-length: 2',
    'Content-Length: 1\r\nA: b\r\nContent-Length:',
    'Content-Length: 1\r\nTransfer-Encoding: chunked',
    'transfer-encoding: chunked\r\ncontent-length: 1',
    'Content-Length: 1\r\nTransfer-Encoding: identity',
    'Content-Length: 1\r\nTransfer-Encoding:',
    'Transfer-Encoding: ',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding: chunked;a=b',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked\x0b',
    'Transfer-Encoding: chunked\xa0',
    'Transfer-Encoding: \x0cchunked',
    'Transfer-Encoding: chunked\r\n x',
    'Transfer-Encoding: chunked\r\n \xa0',
    'Transfer-Encoding: \x0b\r\n chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked',
  ]),
)('the framing %s is refused', (_, lines) => {
  for (const version of ['1.1', '1.0'])
    for (const { heads } of refuse(`HTTP/${version} 200 OK\r\n${lines}\r\n\r\n0\r\n\r\n`))
      expect(heads).toEqual([]);
});

test.each(['200', '204', '304'])(
  'HTTP/1.0 with %s and chunks is no connection for another request',
  (status) => {
    const fields = 'Connection: keep-alive\r\nTransfer-Encoding: chunked';
    const { parser } = recordReplies(['GET']);
    try {
      parser.take(latin1(`HTTP/1.0 ${status} OK\r\n${fields}\r\n\r\n`));
      if (status === '200') parser.take(latin1('0\r\n\r\n'));
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidReplyError);
    }
    expect(parser.reusable).toBe(false);
  },
);

test.each(
  named([
    '\r\nx\r\n',
    'g\r\nx\r\n',
    'x\r\nx\r\n',
    '-1\r\nx\r\n',
    '+1\r\nx\r\n',
    '0x1\r\nx\r\n',
    '0x\r\n\r\n',
    '1h\r\nx\r\n',
    ' 1\r\nx\r\n',
    '1 1\r\nx\r\n',
    '1,\r\nx\r\n',
    '1.0\r\nx\r\n',
    ';a\r\nx\r\n',
    '\xb9\r\nx\r\n',
    '1\0\r\nx\r\n',
    '20000000000001\r\nx\r\n',
    'ffffffffffffffff\r\nx\r\n',
    '10000000000000001\r\nx\r\n',
    `${'f'.repeat(300)}\r\nx\r\n`,
    '1\nx\r\n',
    '1\rx\r\n',
    '1\r\r\nx\r\n',
    '1;a\nx\r\n',
    '1;a\rb\r\nx\r\n',
    '1;a="\n"\r\nx\r\n',
    '1\r\nx\n',
    '1\r\nx\r',
    '1\r\nx',
    '1\r\nxy\r\n',
    '1\r\nx\r\r\n',
    '1\r\nx\n\r',
    '2\r\nx\r\n',
    '0\n\r\n',
    '0\r\n\n',
    '0\r\r\n',
    '0\r\n\rx',
    '0;a\n\r\n',
  ]),
)('the chunks %s are refused', (_, chunks) => {
  for (const before of ['', '3\r\nabc\r\n'])
    for (const { replies } of refuse(`${OK}Transfer-Encoding: chunked\r\n\r\n${before}${chunks}0\r\n\r\n`))
      expect(replies).toEqual([]);
});

test('spoiled replies are read or refused, whichever, but the same however they are cut', () => {
  const spoil = (text: string) => {
    const at = Math.floor(random() * (text.length + 1));
    const insert = pickOne(['', '\r', '\n', '\0', ' ', ':', ';', '0', 'f', '\r\n', '\xff'], random);
    return text.slice(0, at) + insert + text.slice(at + pickOne([0, 1, 2], random));
  };
  const outcome = (method: string, pieces: Buffer[]) => {
    const { parser, replies } = recordReplies([method]);
    try {
      for (const piece of pieces) parser.take(piece);
      parser.close();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidReplyError);
      return 'refused';
    }
    return replies;
  };
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const { method, text } = randomReply(random);
    const bytes = latin1(spoil(spoil(text.slice(0, 1500))));
    const wanted = outcome(method, [bytes]);
    if (wanted === 'refused') refused++;
    for (const longest of [1, 5, bytes.length])
      expect([bytes, outcome(method, cut(bytes, random, longest))]).toEqual([bytes, wanted]);
  }
  expect(refused).toBeGreaterThan(200);
  expect(refused).toBeLessThan(1800);
});
