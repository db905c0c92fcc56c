import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { answerOf, askHttp2, openHttp2 } from '../support/http2-client.ts';
import { FLAG, frame, FRAME, getHead, openFrames, type FrameConnection } from '../support/http2-frames.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';

let redis: TestRedis;
let path: DataPath;
const { listener } = recordRequests();
beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(
    redis,
    (req, res) => {
      if (!req.url?.startsWith('/hold')) listener(req, res);
    },
    { agent: { concurrency: 64 } },
  );
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

/** How many connections the hub has counted as misused. */
async function misuses(): Promise<number> {
  const { misuses: samples } = await path.hub.metrics.read();
  return Number(samples?.[0]?.value);
}

const WHOLE = FLAG.END_STREAM | FLAG.END_HEADERS;

/** Sends until the hub has had enough. Returns the code of its GOAWAY, 'cut' when there was no time for one. */
async function floodWith(
  client: FrameConnection,
  piece: (i: number) => Buffer,
  most: number,
): Promise<number | 'cut'> {
  let i = 0;
  while (i < most && !client.socket.destroyed && client.socket.writable) {
    for (let n = 0; n < 100; n++) client.send(piece(i++));
    await sleep(1);
  }
  await waitFor(() => client.socket.destroyed || client.frames.some(({ type }) => type === FRAME.GOAWAY), {
    what: 'an end',
  });
  return client.frames.find(({ type }) => type === FRAME.GOAWAY)?.payload.readUInt32BE(4) ?? 'cut';
}

test.each([
  {
    what: 'resets (CVE-2023-44487)',
    piece: (i: number) =>
      Buffer.concat([
        frame(FRAME.HEADERS, WHOLE, 2 * i + 1, getHead('/hold')),
        frame(FRAME.RST_STREAM, 0, 2 * i + 1, Buffer.of(0, 0, 0, 8)),
      ]),
  },
  { what: 'settings', piece: () => frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 0, 255, 255)) },
  { what: 'pings', piece: () => frame(FRAME.PING, 0, 0, Buffer.alloc(8)) },
])('a flood of $what ends the connection, and disturbs no other', async ({ piece }) => {
  const other = await openHttp2(path.hub.url);
  const client = await openFrames(path.port);
  const before = await misuses();
  const code = await floodWith(client, piece, 50_000);
  expect([1, 2, 11, 'cut']).toContain(code);
  await waitFor(async () => (await misuses()) > before, { what: 'the count' });
  expect(await askHttp2(other, { ':path': '/other' })).toMatchObject({ status: 200 });
});

test('a head in endless CONTINUATIONs ends the connection (CVE-2024-28182)', async () => {
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, FLAG.END_STREAM, 1, getHead('/a')));
  const code = await floodWith(
    client,
    () => frame(FRAME.CONTINUATION, 0, 1, Buffer.of(0, 1, 97, 1, 97)),
    50_000,
  );
  expect([1, 2, 11, 'cut']).toContain(code);
});

test('DATA without bytes that never ends ends the connection', async () => {
  const client = await openFrames(path.port);
  client.send(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, getHead('/a')));
  const code = await floodWith(client, () => frame(FRAME.DATA, 0, 1), 50_000);
  expect([1, 2, 11, 'cut']).toContain(code);
});

test('an honest client may cancel 20 requests a second, ping, and change its settings', async () => {
  const client = await openHttp2(path.hub.url);
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 20; i++) {
      const stream = client.request({ ':path': '/hold' });
      const outcome = answerOf(stream);
      await sleep(5);
      stream.close(8);
      await outcome;
    }
    for (let i = 0; i < 200; i++) await new Promise((resolve) => client.ping(resolve));
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) =>
        client.settings({ initialWindowSize: 100_000 + i }, () => resolve()),
      );
    }
  }
  expect(await askHttp2(client, { ':path': '/after' })).toMatchObject({ status: 200 });
});
