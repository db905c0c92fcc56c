import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { FLAG, frame, FRAME, getHead, headerBlock, openFrames, verdictOn } from '../support/http2-frames.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let path: DataPath;
const { seen, listener } = recordRequests();
beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, listener);
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const WHOLE = FLAG.END_STREAM | FLAG.END_HEADERS;
const PSEUDO = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'h'],
  [':path', '/bad'],
] as const;
type Field = readonly [string, string];

/** A head with these fields behind, or in place of, the usual ones. */
function headWith(...fields: Field[]): Buffer {
  const names = new Set(fields.map(([name]) => name));
  const kept = PSEUDO.filter(([name]) => !names.has(name));
  const isPseudo = ([name]: Field) => name.startsWith(':');
  return headerBlock([...kept, ...fields.filter(isPseudo), ...fields.filter((field) => !isPseudo(field))]);
}

const HEADS: { what: string; rfc: string; head: Buffer }[] = [
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map((name) => ({
    what: `a field of a connection: ${name}`,
    rfc: '9113 §8.2.2',
    head: headWith([name, name === 'transfer-encoding' ? 'chunked' : 'x']),
  })),
  { what: 'TE with anything but trailers', rfc: '9113 §8.2.2', head: headWith(['te', 'gzip']) },
  { what: 'a name in upper case', rfc: '9113 §8.2.1', head: headWith(['X-A', '1']) },
  {
    what: 'a request line in :path',
    rfc: '9113 §10.3',
    head: headWith([':path', '/a HTTP/1.1\r\nHost: evil\r\n\r\nGET /b']),
  },
  { what: 'a blank in :path', rfc: '9113 §10.3', head: headWith([':path', '/a HTTP/1.1']) },
  { what: 'a fragment in :path', rfc: '9113 §8.3.1', head: headWith([':path', '/a#b']) },
  { what: 'an empty :path', rfc: '9113 §8.3.1', head: headWith([':path', '']) },
  { what: 'a :path without a slash', rfc: '9113 §8.3.1', head: headWith([':path', 'a']) },
  { what: 'an absolute :path', rfc: '9113 §8.3.1', head: headWith([':path', 'http://evil/']) },
  {
    what: 'a request line in :method',
    rfc: '9113 §10.3',
    head: headWith([':method', 'GET /a HTTP/1.1\r\nx:']),
  },
  { what: 'an empty :method', rfc: '9113 §8.3.1', head: headWith([':method', '']) },
  { what: 'another :scheme', rfc: '9113 §8.3.1', head: headWith([':scheme', 'ftp']) },
  { what: 'CR LF in :scheme', rfc: '9113 §10.3', head: headWith([':scheme', 'http\r\nx: y']) },
  {
    what: 'no :scheme',
    rfc: '9113 §8.3.1',
    head: headerBlock(PSEUDO.filter(([name]) => name !== ':scheme')),
  },
  { what: 'no :path', rfc: '9113 §8.3.1', head: headerBlock(PSEUDO.filter(([name]) => name !== ':path')) },
  {
    what: 'no :method',
    rfc: '9113 §8.3.1',
    head: headerBlock(PSEUDO.filter(([name]) => name !== ':method')),
  },
  {
    what: 'no authority',
    rfc: '9112 §3.2',
    head: headerBlock(PSEUDO.filter(([name]) => name !== ':authority')),
  },
  { what: 'a second :path', rfc: '9113 §8.3', head: headerBlock([...PSEUDO, [':path', '/c']]) },
  { what: 'an unknown pseudo-field', rfc: '9113 §8.3', head: headWith([':x', 'a']) },
  { what: ':status', rfc: '9113 §8.3', head: headWith([':status', '200']) },
  { what: 'a pseudo-field behind others', rfc: '9113 §8.3', head: headerBlock([['x-a', '1'], ...PSEUDO]) },
  { what: 'a Host that is not :authority', rfc: '9113 §8.3.1', head: headWith(['host', 'evil']) },
  { what: 'two Hosts', rfc: '9112 §3.2', head: headWith(['host', 'h'], ['host', 'h']) },
  { what: 'user information in :authority', rfc: '9113 §8.3.1', head: headWith([':authority', 'u@h']) },
  { what: 'a list in :authority', rfc: '9110 §7.2', head: headWith([':authority', 'a,b']) },
  {
    what: 'a length without a body',
    rfc: '9113 §8.1.1',
    head: headWith([':method', 'POST'], ['content-length', '5']),
  },
  { what: 'two lengths', rfc: '9110 §8.6', head: headWith(['content-length', '0'], ['content-length', '0']) },
  { what: 'a length that is none', rfc: '9110 §8.6', head: headWith(['content-length', '+0']) },
  { what: ':protocol without CONNECT', rfc: '8441 §4', head: headWith([':protocol', 'websocket']) },
];

test.each(HEADS)('$what is refused, and reaches no upstream (RFC $rfc)', async ({ head }) => {
  const before = seen.length;
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, WHOLE, 1, head));
  expect(await verdictOn(client, 1)).toMatch(/^(?:400|reset 1|goaway 1)$/);
  // The connection goes on, unless it is the error.
  if (client.frames.some(({ type }) => type === FRAME.GOAWAY)) return;
  client.send(frame(FRAME.HEADERS, WHOLE, 3, getHead('/good')));
  expect(await verdictOn(client, 3)).toBe('200');
  expect(seen.slice(before).map(({ url }) => url)).toEqual(['/good']);
});

test.each([
  { what: 'CR LF in a value', field: ['x-a', '1\r\nx-b: 2'] },
  { what: 'a bare LF in a value', field: ['x-a', '1\nx-b: 2'] },
  { what: 'a NUL in a value', field: ['x-a', '1\0'] },
  { what: 'CR LF in a name', field: ['x-a: 1\r\nx-b', '2'] },
  { what: 'a colon in a name', field: ['x-a:b', '2'] },
  { what: 'a space in a name', field: ['x-a b', '2'] },
] as const)('a field with $what is left out by the parser: no upstream sees any of it', async ({ field }) => {
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, WHOLE, 1, headWith(field, ['x-good', 'yes'])));
  expect(await verdictOn(client, 1)).toBe('200');
  const fields = seen.at(-1)?.rawHeaders.join('|') ?? '';
  expect(fields).toContain('x-good|yes');
  expect(fields).not.toMatch(/x-a|x-b/i);
});

test.each([
  { what: 'more', length: '2' },
  { what: 'less', length: '9' },
])('a body of $what bytes than its length is a stream error (H2.CL)', async ({ length }) => {
  const before = seen.length;
  const client = await openFrames(path.port);
  const head = headWith([':method', 'POST'], ['content-length', length]);
  const body = Buffer.from('GET / HTTP');
  client.send(
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, head),
    frame(FRAME.DATA, FLAG.END_STREAM, 1, body.subarray(0, 5)),
  );
  expect(await verdictOn(client, 1)).toMatch(/^reset 1$/);
  expect(seen).toHaveLength(before);
});

test('CONNECT to anywhere is refused', async () => {
  const client = await openFrames(path.port);
  client.send(
    frame(
      FRAME.HEADERS,
      WHOLE,
      1,
      headerBlock([
        [':method', 'CONNECT'],
        [':authority', 'evil:443'],
      ]),
    ),
  );
  // 501, which HPACK has no index for.
  expect(await verdictOn(client, 1)).toMatch(/another status/);
});

test('a Host beside the same :authority counts, and so does one without it', async () => {
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, WHOLE, 1, headWith(['host', 'H'])));
  expect(await verdictOn(client, 1)).toBe('200');
  const alone = headerBlock([...PSEUDO.filter(([name]) => name !== ':authority'), ['host', 'alone']]);
  client.send(frame(FRAME.HEADERS, WHOLE, 3, alone));
  expect(await verdictOn(client, 3)).toBe('200');
  expect(seen.at(-1)?.rawHeaders.join()).toContain('X-Forwarded-Host,alone');
});

test('OPTIONS * is answered here', async () => {
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, WHOLE, 1, headWith([':method', 'OPTIONS'], [':path', '*'])));
  expect(await verdictOn(client, 1)).toBe('204');
});
