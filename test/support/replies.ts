import { expect } from 'vitest';
import { InvalidReplyError } from '../../router-core/http/reply-fields.ts';
import { ReplyParser } from '../../router-core/http/reply-parser.ts';
import { pickOne } from './random.ts';

export interface Reply {
  status: number;
  reason: string;
  fields: string[];
  body: string;
  trailers: string[];
}

export const latin1 = (text: string) => Buffer.from(text, 'latin1');

/** A parser that expects one reply for each method, the next one as soon as the last has ended. */
export function recordReplies(methods: readonly string[]) {
  const parser = new ReplyParser();
  const heads: Reply[] = [];
  const replies: Reply[] = [];
  const expectNext = () => {
    const method = methods[replies.length];
    if (method === undefined) return;
    let current: Reply | undefined;
    const open = () => {
      if (!current || replies.includes(current)) throw new Error('body or end without a head');
      return current;
    };
    parser.expect(method, {
      onInterim: () => undefined,
      onHead(status, reason, fields) {
        if (current) throw new Error('a second head');
        current = { status, reason, fields, body: '', trailers: [] };
        heads.push(current);
      },
      onBody: (bytes) => void (open().body += bytes.toString('latin1')),
      onEnd(trailers) {
        open().trailers = trailers;
        replies.push(open());
        expectNext();
      },
    });
  };
  expectNext();
  return { parser, heads, replies };
}

export function cut(bytes: Buffer, random: () => number, longest = bytes.length): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const to = at + 1 + Math.floor(random() * longest);
    pieces.push(bytes.subarray(at, to));
    at = to;
  }
  return pieces;
}

/** The same bytes at once, byte by byte (if they are not too many), and in random cuts. */
export function waysToArrive(text: string, random: () => number): Buffer[][] {
  const bytes = latin1(text);
  const few = bytes.length < 10_000 ? [1, 2, 3, 8, 30] : [400, 3000];
  return [[bytes], ...[...few, bytes.length, bytes.length].map((longest) => cut(bytes, random, longest))];
}

/** Expects that a reply is refused however it arrives; returns what was recorded of each way. */
export function refuse(text: string, random: () => number, method = 'GET') {
  return waysToArrive(text, random).map((pieces) => {
    const recorded = recordReplies([method]);
    const take = () => pieces.forEach((piece) => recorded.parser.take(piece));
    expect(take).toThrow(InvalidReplyError);
    return recorded;
  });
}

export interface RandomReply {
  method: string;
  text: string;
  /** The end of the body is the end of the connection. */
  untilClose: boolean;
}

const TOKEN = "!#$%&'*+-.^_`|~09azAZ".split('');
const VISIBLE = '!"(),/:;<=>?@[]{}azAZ09\xa0\xe4\xff'.split('');
const INNER = ['', '', ' ', '\t', '  '];
const OWS = ['', ' ', ' ', '\t', ' \t '];

export function randomReply(random: () => number): RandomReply {
  const below = (n: number) => Math.floor(random() * n);
  const some = <T>(most: number, make: () => T) => Array.from({ length: below(most + 1) }, make);
  const word = (letters: readonly string[], most: number) =>
    some(most, () => pickOne(letters, random)).join('');
  const words = () => word(VISIBLE, 6) + some(4, () => pickOne(INNER, random) + word(VISIBLE, 6)).join('');
  const line = (name: string, value: string) =>
    `${name}:${pickOne(OWS, random)}${value.trim()}${pickOne(OWS, random)}\r\n`;
  const lines = (most: number) => some(most, () => line(`X-${word(TOKEN, 8)}`, words()));
  const octets = (length: number) => Array.from({ length }, () => String.fromCharCode(below(256))).join('');

  const method = pickOne(['GET', 'GET', 'POST', 'HEAD'], random);
  const status = random() < 0.2 ? pickOne([204, 304], random) : 200 + below(400);
  const framing = pickOne(['length', 'chunked', 'chunked', 'close'], random);
  const bodiless = method === 'HEAD' || status === 204 || status === 304;
  const version = framing !== 'chunked' && random() < 0.3 ? '1.0' : '1.1';
  const sizes = [0, 1, 20, 300, 3000];
  let body = octets(below(1 + pickOne(sizes, random)));

  const fields = lines(6);
  if (random() < 0.3) fields.push(line('Connection', pickOne(['close', 'keep-alive', 'Keep-Alive'], random)));
  // No tabs around these values: node:http's client does not read them as RFC 9110 has it.
  if (framing === 'length') fields.push(`Content-Length: ${pickOne(['', '00'], random)}${body.length} \r\n`);
  if (framing === 'chunked') {
    fields.push(
      `transfer-encoding:${pickOne(['', ' '], random)}${pickOne(['chunked', 'Chunked'], random)} \r\n`,
    );
    let rest = body;
    body = '';
    while (rest !== '') {
      const chunk = rest.slice(0, 1 + below(pickOne(sizes, random)));
      rest = rest.slice(chunk.length);
      const size = chunk.length.toString(16);
      body += pickOne([size, size.toUpperCase(), `00${size}`], random);
      body += `${pickOne(['', '', ';a', ';a=b', ';a="b;\t c"'], random)}\r\n${chunk}\r\n`;
    }
    body += `${pickOne(['0', '000', '0;a=b'], random)}\r\n${lines(3).join('')}\r\n`;
  }
  fields.sort(() => random() - 0.5);
  const interim = () => `HTTP/1.1 ${pickOne([100, 102, 103], random)} Wait\r\n${lines(2).join('')}\r\n`;
  const interims = random() < 0.2 ? some(2, interim).join('') : '';
  const head = `HTTP/${version} ${status} ${words().trim()}\r\n${fields.join('')}\r\n`;
  const text = interims + head + (bodiless ? '' : body);
  return { method, text, untilClose: framing === 'close' && !bodiless };
}
