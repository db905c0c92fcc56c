import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, type RawConnection } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let path: DataPath;
const streams = new Map<string, ServerResponse>();

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, (req, res) => void streams.set(req.url ?? '', res));
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

async function openStream(url: string): Promise<{ client: RawConnection; res: ServerResponse }> {
  const client = await openRaw(path.port);
  client.write(rawRequest([`GET ${url} HTTP/1.1`, 'Host: h', 'Accept: text/event-stream']));
  const res = await waitFor(() => streams.get(url), { what: 'the request at the upstream' });
  return { client, res };
}

/** ms from the upstream's write to the client's receipt of `text`. */
async function latencyOf({ client, res }: { client: RawConnection; res: ServerResponse }, text: string) {
  const arrived = new Promise<number>((resolve) => {
    const onData = () => {
      if (!client.received().includes(text)) return;
      client.socket.off('data', onData);
      resolve(performance.now());
    };
    client.socket.on('data', onData);
  });
  const writtenAt = performance.now();
  res.write(text);
  return (await arrived) - writtenAt;
}

const EVENT_STREAM = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };
/** The best of a few says what the code does; the others may tell of a busy machine. */
const FEW = 5;

test('the first event is with the client within 50 ms of the upstream writing it', async () => {
  const latencies: number[] = [];
  for (let i = 0; i < FEW; i++) {
    const stream = await openStream(`/first-${i}`);
    stream.res.writeHead(200, EVENT_STREAM);
    latencies.push(await latencyOf(stream, `data: first ${i}\n\n`));
    stream.client.close();
  }
  expect(Math.min(...latencies)).toBeLessThan(50);
});

test('every later event arrives at once, too, none waits for the next', async () => {
  const stream = await openStream('/later');
  stream.res.writeHead(200, EVENT_STREAM).flushHeaders();
  const latencies: number[] = [];
  // The next is written only when the one before has arrived: an event that is held back would hang here.
  for (let i = 0; i < 20; i++) latencies.push(await latencyOf(stream, `id: ${i}\ndata: event ${i}\n\n`));
  expect(latencies.toSorted((a, b) => a - b)[10]).toBeLessThan(50);
  stream.res.end();
  const reply = await stream.client.reply();
  const events = Array.from({ length: 20 }, (_each, i) => `id: ${i}\ndata: event ${i}\n\n`);
  expect(reply.body.toString()).toBe(events.join(''));
  stream.client.close();
});

test('a head that comes long before its first byte reaches the client alone', async () => {
  const { client, res } = await openStream('/head-first');
  res.writeHead(200, EVENT_STREAM).flushHeaders();
  await waitFor(() => client.received().includes('\r\n\r\n'), { what: 'the head', timeoutMs: 1_000 });
  expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  client.close();
});

test('events written one after the other in one tick all arrive, in order', async () => {
  const { client, res } = await openStream('/burst');
  res.writeHead(200, EVENT_STREAM);
  const events = Array.from({ length: 500 }, (_each, i) => `data: ${i}\n\n`);
  for (const event of events) res.write(event);
  res.end();
  expect((await client.reply()).body.toString()).toBe(events.join(''));
  client.close();
});

test('a stream of a known length flows at once, too', async () => {
  const stream = await openStream('/sized');
  stream.res.writeHead(200, { 'Content-Length': 8 });
  await latencyOf(stream, 'half');
  expect(await latencyOf(stream, 'full')).toBeLessThan(1_000);
  expect((await stream.client.reply()).body.toString()).toBe('halffull');
  stream.client.close();
});
