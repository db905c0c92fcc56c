import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const KIB = 1024;
const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 256 * KIB + 1, 1024 * KIB, 10 * 1024 * KIB];
const CASES = SIZES.flatMap((size) => [
  { size, framing: 'Content-Length' as const },
  { size, framing: 'chunked' as const },
]);

let redis: TestRedis;
let path: DataPath;
const bytes = randomBytes(10 * 1024 * KIB);
const hashOf = (data: Buffer) => createHash('sha256').update(data).digest('hex');

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, (req, res) => {
    const url = new URL(req.url ?? '', 'http://upstream');
    const size = Number(url.searchParams.get('size'));
    if (url.pathname === '/down') {
      if (url.searchParams.get('framing') === 'Content-Length') res.setHeader('Content-Length', size);
      Readable.from(pieces(bytes.subarray(0, size)), { objectMode: false }).pipe(res);
      return;
    }
    if (url.pathname === '/echo') {
      req.pipe(res);
      return;
    }
    const hash = createHash('sha256');
    let got = 0;
    req.on('data', (chunk: Buffer) => {
      got += chunk.length;
      hash.update(chunk);
    });
    req.on('end', () => {
      const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
      res.end(JSON.stringify({ got, hash: hash.digest('hex'), length, coding }));
    });
  });
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

/** Pieces of odd sizes, so that no boundary of theirs is one of ours. */
function* pieces(data: Buffer, size = 40_009): Generator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** One request; the body as it is, or in chunks. */
function exchange(target: string, body?: Buffer, framing: 'Content-Length' | 'chunked' = 'Content-Length') {
  return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
    (resolve, reject) => {
      const method = body ? 'POST' : 'GET';
      const headers = body && framing === 'Content-Length' ? { 'Content-Length': body.length } : {};
      const req = httpRequest({ port: path.port, path: target, method, headers, agent: false }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }),
        );
      });
      req.on('error', reject);
      if (!body) req.end();
      else if (framing === 'chunked') {
        req.flushHeaders();
        Readable.from(pieces(body), { objectMode: false }).pipe(req);
      } else req.end(body);
    },
  );
}

test.each(CASES)(
  'a request body of $size bytes, $framing, arrives as it was sent',
  async ({ size, framing }) => {
    const body = bytes.subarray(0, size);
    const reply = await exchange('/up', body, framing);
    const seen = JSON.parse(reply.body.toString()) as {
      got: number;
      hash: string;
      length?: string;
      coding?: string;
    };
    expect(seen).toMatchObject({ got: size, hash: hashOf(body) });
    // A length that the client has told is told to the upstream: many refuse a body without one.
    if (framing === 'Content-Length') expect(seen.length).toBe(String(size));
  },
);

test.each(CASES)(
  'a reply body of $size bytes, $framing, arrives as it was sent',
  async ({ size, framing }) => {
    const reply = await exchange(`/down?size=${size}&framing=${framing}`);
    expect(reply.status).toBe(200);
    expect(reply.body.length).toBe(size);
    expect(hashOf(reply.body)).toBe(hashOf(bytes.subarray(0, size)));
    if (framing === 'Content-Length') expect(reply.headers['content-length']).toBe(String(size));
  },
);

test.each(CASES)(
  'a body of $size bytes, $framing, is echoed while it still arrives',
  async ({ size, framing }) => {
    const body = bytes.subarray(0, size);
    const reply = await exchange('/echo', body, framing);
    expect(reply.body.length).toBe(size);
    expect(hashOf(reply.body)).toBe(hashOf(body));
  },
);

test('bodies of many requests at once do not get mixed up', async () => {
  const bodies = Array.from({ length: 24 }, (_each, i) => randomBytes(1 + i * 20_011));
  const replies = await Promise.all(
    bodies.map((body, i) => exchange('/echo', body, i % 2 ? 'chunked' : 'Content-Length')),
  );
  expect(replies.map(({ body }) => hashOf(body))).toEqual(bodies.map(hashOf));
});

test('a GET with a body keeps it', async () => {
  const reply = await new Promise<string>((resolve, reject) => {
    const headers = { 'Content-Length': 5 };
    const req = httpRequest({ port: path.port, path: '/up', method: 'GET', headers, agent: false }, (res) => {
      res.on('data', (chunk: Buffer) => resolve(chunk.toString()));
    });
    req.on('error', reject);
    req.end('hello');
  });
  expect(JSON.parse(reply)).toMatchObject({ got: 5 });
});
