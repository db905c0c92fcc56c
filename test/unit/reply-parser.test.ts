import { describe, expect, test } from 'vitest';
import { InvalidReplyError } from '../../router-core/http/reply-fields.ts';
import { ReplyParser } from '../../router-core/http/reply-parser.ts';
import { createRandom } from '../support/random.ts';
import { latin1, randomReply, recordReplies, type Reply, waysToArrive } from '../support/replies.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const EMPTY = `${OK}Content-Length: 0\r\n\r\n`;

interface Case {
  text: string;
  method?: string;
  /** The differences from an empty 200 OK. */
  reply: Partial<Reply>;
  /** The upstream's close ends the reply. */
  untilClose?: boolean;
}

const READ: Record<string, Case> = {
  'a counted body': {
    text: `${OK}Content-Length: 5\r\n\r\nhello`,
    reply: { fields: ['Content-Length', '5'], body: 'hello' },
  },
  'a counted body, the number with zeros before it': {
    text: `${OK}Content-Length: 0005\r\n\r\nhello`,
    reply: { fields: ['Content-Length', '5'], body: 'hello' },
  },
  // RFC 9112 §6.3: equal lengths are one, and only that one goes on.
  'a counted body with equal lengths': {
    text: `${OK}Content-Length: 5\r\nA: b\r\ncontent-length: 05 ,5\r\nC: d\r\n\r\nhello`,
    reply: { fields: ['Content-Length', '5', 'A', 'b', 'C', 'd'], body: 'hello' },
  },
  'a counted body that looks like a reply': {
    text: `${OK}content-length:${EMPTY.length}\r\n\r\n${EMPTY}`,
    reply: { fields: ['content-length', `${EMPTY.length}`], body: EMPTY },
  },
  'a body of any bytes': {
    text: `${OK}Content-Length: 6\r\n\r\n\0\r\n\n\r\xff`,
    reply: { fields: ['Content-Length', '6'], body: '\0\r\n\n\r\xff' },
  },
  'no reason': {
    text: 'HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n',
    reply: { status: 404, reason: '', fields: ['Content-Length', '0'] },
  },
  'a reason of several words and of latin1': {
    text: 'HTTP/1.1 599 N\xf6 w\xe4y, 200\tOK: x\r\nContent-Length: 0\r\n\r\n',
    reply: { status: 599, reason: 'N\xf6 w\xe4y, 200\tOK: x', fields: ['Content-Length', '0'] },
  },
  'fields in their order, spelling and number': {
    text: `${OK}b: 1\r\nA: 2\r\nB: 3\r\nContent-Length: 0\r\nb: 1\r\n!#$%&'*+-.^_\`|~9: x\r\n\r\n`,
    reply: {
      fields: ['b', '1', 'A', '2', 'B', '3', 'Content-Length', '0', 'b', '1', "!#$%&'*+-.^_`|~9", 'x'],
    },
  },
  'values without the white space around them': {
    text: `${OK}A:\r\nB: \t \r\nC:c\r\nD: \t d  d\td \t\r\nE: :e:\r\nF: \xa0\xe4\r\nContent-Length: \t0\t\r\n\r\n`,
    reply: {
      fields: [
        'A',
        '',
        'B',
        '',
        'C',
        'c',
        'D',
        'd  d\td',
        'E',
        ':e:',
        'F',
        '\xa0\xe4',
        'Content-Length',
        '0',
      ],
    },
  },
  'folded lines': {
    text: `${OK}A: b \t\r\n \t c\r\n\td\r\nB:\r\n e\r\nContent-Length: 0\r\n\r\n`,
    reply: { fields: ['A', 'b c d', 'B', 'e', 'Content-Length', '0'] },
  },
  'folded lines whose text begins or ends with what is no white space in HTTP': {
    text: `${OK}A: b\r\n \xa0\r\nB: \xa0\r\n c\r\nContent-Length: 0\r\n\r\n`,
    reply: { fields: ['A', 'b \xa0', 'B', '\xa0 c', 'Content-Length', '0'] },
  },
  'interim replies before it': {
    text: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: a\r\nLink: b\r\n\r\nHTTP/1.1 102 x\r\n\r\n${EMPTY}`,
    reply: { fields: ['Content-Length', '0'] },
  },
  'a head of 60 KiB': {
    text: `${OK}A: ${'a'.repeat(60 * 1024)}\r\nContent-Length: 0\r\n\r\n`,
    reply: { fields: ['A', 'a'.repeat(60 * 1024), 'Content-Length', '0'] },
  },
  'a body until the close': {
    text: `${OK}A: b\r\n\r\n0\r\n\r\nHTTP/1.1 `,
    untilClose: true,
    reply: { fields: ['A', 'b'], body: '0\r\n\r\nHTTP/1.1 ' },
  },
  'an empty body until the close': { text: `${OK}\r\n`, untilClose: true, reply: {} },
  'an old body until the close': {
    text: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello',
    untilClose: true,
    reply: { fields: ['Connection', 'keep-alive'], body: 'hello' },
  },
  'no body after HEAD': {
    text: `${OK}Content-Length: 5\r\n\r\n`,
    method: 'HEAD',
    reply: { fields: ['Content-Length', '5'] },
  },
  'no chunks after HEAD': {
    text: CHUNKED,
    method: 'HEAD',
    reply: { fields: ['Transfer-Encoding', 'chunked'] },
  },
  'no body of unknown length after HEAD': { text: `${OK}\r\n`, method: 'HEAD', reply: {} },
  'no body with 204': {
    text: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    reply: { status: 204, reason: 'No Content', fields: ['Content-Length', '5'] },
  },
  'no body with 304': {
    text: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
    reply: { status: 304, reason: 'Not Modified', fields: ['Transfer-Encoding', 'chunked'] },
  },
};

const READ_CHUNKS: Record<string, [chunks: string, body: string, trailers?: string[]]> = {
  'no chunk': ['0\r\n\r\n', ''],
  'several zeros': ['0000\r\n\r\n', ''],
  'several chunks': ['5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n', 'hello world'],
  'sizes in either case and with zeros': [
    `a\r\n${'x'.repeat(10)}\r\nA\r\n${'y'.repeat(10)}\r\n0000000001F\r\n${'z'.repeat(31)}\r\n0\r\n\r\n`,
    'x'.repeat(10) + 'y'.repeat(10) + 'z'.repeat(31),
  ],
  'chunks that look like chunks': ['7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n'],
  extensions: ['1;a\r\nx\r\n1;a=b;c="d;\\" e"\r\ny\r\n1 ; a = b\r\nz\r\n0;last\r\n\r\n', 'xyz'],
  trailers: ['1\r\nx\r\n0\r\nB: \t1 \r\na:\r\nb: \xe4\r\n\r\n', 'x', ['B', '1', 'a', '', 'b', '\xe4']],
  'folded trailers': ['0\r\nA: b\r\n  c\r\n\r\n', '', ['A', 'b c']],
};
for (const [name, [chunks, body, trailers = []]] of Object.entries(READ_CHUNKS)) {
  const reply = { fields: ['Transfer-Encoding', 'chunked'], body, trailers };
  READ[`a chunked body: ${name}`] = { text: CHUNKED + chunks, reply };
}

describe('a reply is the same however its bytes are cut:', () => {
  const random = createRandom(11);
  test.each(Object.entries(READ))('%s', (_, { text, method = 'GET', untilClose = false, reply }) => {
    const wanted = { status: 200, reason: 'OK', fields: [], body: '', trailers: [], ...reply };
    for (const pieces of waysToArrive(text, random)) {
      const { parser, replies } = recordReplies([method]);
      for (const piece of pieces) {
        expect(parser.reusable).toBe(false);
        parser.take(piece);
      }
      expect(replies).toEqual(untilClose ? [] : [wanted]);
      expect(parser.reusable).toBe(!untilClose);
      parser.close();
      expect(replies).toEqual([wanted]);
      if (untilClose) expect(parser.reusable).toBe(false);
    }
  });
});

describe('a connection may take another request', () => {
  test.each([
    [true, 'HTTP/1.1', []],
    [true, 'HTTP/1.1', ['Connection: keep-alive']],
    [true, 'HTTP/1.1', ['Connection: closed, x-close', 'X-Connection: close']],
    [false, 'HTTP/1.1', ['Connection: close']],
    [false, 'HTTP/1.1', ['cONNECTION: CLOSE']],
    [false, 'HTTP/1.1', ['Connection: foo ,\tClose, bar']],
    [false, 'HTTP/1.1', ['Connection: foo', 'A: b', 'Connection: close']],
    [false, 'HTTP/1.1', ['Connection: keep-alive, close']],
    [false, 'HTTP/1.0', []],
    [false, 'HTTP/1.0', ['Connection: close']],
    [false, 'HTTP/1.0', ['Keep-Alive: timeout=5']],
    [false, 'HTTP/1.0', ['Connection: keep-alive, close']],
    [true, 'HTTP/1.0', ['Connection: keep-alive']],
    [true, 'HTTP/1.0', ['connection: foo, Keep-Alive']],
  ])('(%s) after %s with %j', (reusable, version, lines) => {
    const fields = lines.map((line) => `${line}\r\n`).join('');
    for (const head of [`200 OK\r\nContent-Length: 0\r\n`, '204 \r\n', '304 \r\n']) {
      const { parser, replies } = recordReplies(['GET']);
      parser.take(latin1(`${version} ${head}${fields}\r\n`));
      expect([replies.length, parser.reusable]).toEqual([1, reusable]);
    }
  });

  test('not after an interim reply only', () => {
    const { parser } = recordReplies(['GET']);
    parser.take(latin1('HTTP/1.1 100 Continue\r\nConnection: keep-alive\r\n\r\n'));
    expect(parser.reusable).toBe(false);
    parser.take(latin1(EMPTY));
    expect(parser.reusable).toBe(true);
  });

  test('as long as the last reply says', () => {
    const replies: [string, number | undefined][] = [
      ['Keep-Alive: timeout=5\r\n', 5000],
      ['', undefined],
      ['keep-alive: max=100, timeout=72\r\n', 72_000],
      ['Keep-Alive: timeout=x\r\n', undefined],
      ['Keep-Alive: timeout=1,max=7\r\n', 1000],
      ['Keep-Alive: max=7\r\n', undefined],
    ];
    const { parser } = recordReplies(replies.map(() => 'GET'));
    for (const [field, ms] of replies) {
      parser.take(latin1(`${OK}${field}Content-Length: 0\r\n\r\n`));
      expect([field, parser.keepAliveMs]).toEqual([field, ms]);
    }
  });
});

describe('replies on one connection', () => {
  test('are read one after the other', () => {
    const parser = new ReplyParser();
    for (const body of ['a', '', 'bc']) {
      const seen: unknown[] = [];
      parser.expect('GET', {
        onInterim: () => undefined,
        onHead: (status) => seen.push(status),
        onBody: (bytes) => seen.push(bytes.toString()),
        onEnd: (trailers) => seen.push(trailers),
      });
      expect(parser.reusable).toBe(false);
      parser.take(latin1(`${OK}Content-Length: ${body.length}\r\n\r\n${body}`));
      expect(seen).toEqual([200, ...(body ? [body] : []), []]);
      expect(parser.reusable).toBe(true);
    }
    parser.close();
  });

  test('may come at once if each is expected when the one before it ends', () => {
    const random = createRandom(12);
    for (let round = 0; round < 50; round++) {
      const sent = Array.from({ length: 5 }, () => randomReply(random)).filter((one) => !one.untilClose);
      const alone = sent.map(({ method, text }) => {
        const { parser, replies } = recordReplies([method]);
        parser.take(latin1(text));
        return replies[0];
      });
      for (const pieces of waysToArrive(sent.map(({ text }) => text).join(''), random)) {
        const { parser, replies } = recordReplies(sent.map(({ method }) => method));
        for (const piece of pieces) parser.take(piece);
        expect(replies).toEqual(alone);
      }
    }
  });
});

describe('a close', () => {
  test.each([
    ['', 'GET', EMPTY],
    ['', 'HEAD', `${OK}Content-Length: 5\r\n\r\n`],
    ['', 'GET', `HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 \r\nA: b\r\n\r\n${EMPTY}`],
    ['of a counted body', 'GET', `${OK}Content-Length: 5\r\n\r\nhello`],
    ['of chunks', 'GET', `${OK}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n`],
  ])('before the end %s is refused, after it not (%s %j)', (_, method, text) => {
    const bytes = latin1(text);
    for (let length = 0; length <= bytes.length; length++) {
      const { parser, replies } = recordReplies([method]);
      parser.take(bytes.subarray(0, length));
      if (length === bytes.length) parser.close();
      else expect(() => parser.close(), `${length}`).toThrow(InvalidReplyError);
      expect(replies.length).toBe(length === bytes.length ? 1 : 0);
      expect(parser.reusable && length < bytes.length).toBe(false);
    }
  });

  test('is nothing to a parser that expects nothing', () => {
    expect(() => new ReplyParser().close()).not.toThrow();
  });
});

describe('bytes that nobody asked for are refused', () => {
  test.each([
    ['a counted body', 'GET', `${OK}Content-Length: 1\r\n\r\nx`],
    ['an empty body', 'GET', EMPTY],
    ['chunks', 'GET', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`],
    ['204', 'GET', 'HTTP/1.1 204 \r\nContent-Length: 1\r\n\r\n'],
    ['304', 'GET', 'HTTP/1.1 304 \r\nContent-Length: 1\r\n\r\n'],
    ['HEAD', 'HEAD', `${OK}Content-Length: 1\r\n\r\n`],
  ])('after %s', (_, method, text) => {
    for (const extra of ['x', '\r\n', '\0', EMPTY, 'HTTP/1.1 408 \r\n\r\n'])
      for (const pieces of waysToArrive(text + extra, createRandom(14))) {
        const { parser, replies } = recordReplies([method]);
        expect(() => pieces.forEach((piece) => parser.take(piece))).toThrow(InvalidReplyError);
        expect(replies).toHaveLength(1);
      }
  });

  test('before any request', () => {
    expect(() => new ReplyParser().take(latin1(EMPTY))).toThrow(InvalidReplyError);
  });
});
