import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, startRawUpstream, valuesOf, type RawReply } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

// The table of docs/http.md, for requests of every size: one parser, one outcome.

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n';
const CHUNKS = '2\r\nok\r\n0\r\n\r\n';
/** A head of so many bytes. */
const long = (bytes: number) => `${OK}${LENGTH}`.padEnd(bytes - 2, 'X: y\r\n').replace(/\r\n[^\n]*$/, '\r\n');

interface Row {
  sent: string;
  /** Else it is 502. */
  goesOn?: true | ((reply: RawReply) => void);
  /** The upstream closes behind it. */
  closes?: boolean;
}

const LENGTH_IS_2 = (reply: RawReply) => expect(valuesOf(reply.headers, 'content-length')).toEqual(['2']);

const ROWS: Record<string, Row> = {
  'a head of up to 64 KiB': { sent: `${long(60_000)}\r\nok`, goesOn: true },
  'a head of more than 64 KiB': { sent: `${long(70_000)}\r\nok` },
  'Transfer-Encoding: chunked': { sent: `${OK}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`, goesOn: true },
  'Transfer-Encoding: gzip': { sent: `${OK}Transfer-Encoding: gzip\r\n\r\nok`, closes: true },
  'Transfer-Encoding: gzip, chunked': { sent: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}` },
  'Transfer-Encoding: chunked, twice': {
    sent: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  },
  'Transfer-Encoding in HTTP/1.0': {
    sent: `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    closes: true,
  },
  'Transfer-Encoding and Content-Length': {
    sent: `${OK}${LENGTH}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  },
  'two equal Content-Lengths': { sent: `${OK}${LENGTH}${LENGTH}\r\nok`, goesOn: LENGTH_IS_2 },
  'a list of equal Content-Lengths': { sent: `${OK}Content-Length: 2, 2\r\n\r\nok`, goesOn: LENGTH_IS_2 },
  'two Content-Lengths that differ': { sent: `${OK}${LENGTH}Content-Length: 3\r\n\r\nok` },
  'a Content-Length with zeros in front of it': {
    sent: `${OK}Content-Length: 002\r\n\r\nok`,
    goesOn: LENGTH_IS_2,
  },
  'a Content-Length that is no number': { sent: `${OK}Content-Length: +2\r\n\r\nok` },
  'neither length nor chunks': { sent: `${OK}\r\nok`, goesOn: true, closes: true },
  'CRLF before the status line': { sent: `\r\n${OK}${LENGTH}\r\nok` },
  'HTTP/2.0 in the status line': { sent: `HTTP/2.0 200 OK\r\n${LENGTH}\r\nok` },
  'HTTP/1.0 in the status line': { sent: `HTTP/1.0 200 OK\r\n${LENGTH}\r\nok`, goesOn: true },
  'a folded value': {
    sent: `${OK}${LENGTH}X-Folded: a\r\n\t b\r\n\r\nok`,
    goesOn: (reply) => expect(valuesOf(reply.headers, 'x-folded')).toEqual(['a b']),
  },
  'a line that ends with LF alone': { sent: `${OK}X: y\n${LENGTH}\r\nok` },
  'a NUL in a value': { sent: `${OK}X: \0\r\n${LENGTH}\r\nok` },
  'a space before the colon of a field': { sent: `${OK}X : y\r\n${LENGTH}\r\nok` },
  '100 that nobody asked for': { sent: `HTTP/1.1 100 Continue\r\n\r\n${OK}${LENGTH}\r\nok`, goesOn: true },
  '103 before the reply': {
    sent: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}${LENGTH}\r\nok`,
    goesOn: ({ interim }) => expect(interim).toEqual([103]),
  },
  '101 that nobody asked for': { sent: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n' },
};

const POST = ['POST / HTTP/1.1', 'Host: h'];
/** A request takes a slot with its first 64 KiB. */
const REQUESTS: [what: string, bytes: string, rest: string][] = [
  ['a small request', rawRequest([...POST, 'Content-Length: 2'], 'hi'), ''],
  ['a large request', rawRequest([...POST, 'Content-Length: 70000'], 'x'.repeat(70_000)), ''],
  // More than the hub waits for before a request takes its slot.
  ['a streamed request', rawRequest([...POST, 'Transfer-Encoding: chunked'], chunkOf(80_000)), '0\r\n\r\n'],
];

function chunkOf(bytes: number): string {
  return `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
}

let redis: TestRedis;
let path: DataPath;
let answer: Row;
let upstream: Awaited<ReturnType<typeof startRawUpstream>>;

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startRawUpstream((socket, head) => {
    // Bodies hold no empty line; what is left of them is part of the next "head".
    if (!head.includes('POST / HTTP/1.1')) return;
    const bytes = Buffer.from(answer.sent, 'latin1');
    if (answer.closes) socket.end(bytes);
    else socket.write(bytes);
  });
  path = await startDataPath(redis, upstream.url);
});
afterAll(async () => {
  await path.close();
  await upstream.close();
  await redis.stop();
});

test('the table of docs/http.md has these rows', async () => {
  const text = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8');
  const section = text.split('## Replies of upstreams')[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.slice(2).map((line) => line.split('|').map((cell) => cell.trim()));
  expect(cells.map(([, what]) => what)).toEqual(Object.keys(ROWS));
  for (const [, what = '', then = ''] of cells)
    expect([what, then.startsWith('502')]).toEqual([what, !ROWS[what]?.goesOn]);
});

describe.each(REQUESTS)('to %s', (_request, bytes, rest) => {
  test.each(Object.entries(ROWS))('%s', async (_what, row) => {
    answer = row;
    const client = await openRaw(path.port);
    client.write(bytes);
    const reply = await client.reply();
    client.write(rest);
    expect(reply.status).toBe(row.goesOn ? 200 : 502);
    if (row.goesOn) expect(reply.body.toString()).toBe('ok');
    else expect(valuesOf(reply.headers, 'router-error')).toEqual(['upstream-failed']);
    if (typeof row.goesOn === 'function') row.goesOn(reply);
    client.close();
  });
});
