import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
let path: DataPath;
const { seen, listener } = recordRequests();

beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, listener, { hub: { maxBodyBytes: 1_000_000 } });
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

test.each([
  ['a small body', ['Content-Length: 5'], 'hello', 'hello'],
  ['a large body', ['Content-Length: 300000'], 'x'.repeat(300_000), 'x'.repeat(300_000)],
  ['a chunked body', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n', 'hello'],
])('a client that asks before it sends %s is told to go on, once', async (_what, framing, sent, body) => {
  const client = await openRaw(path.port);
  client.write(rawRequest(['POST / HTTP/1.1', 'Host: h', 'Expect: 100-continue', ...framing]));
  await waitFor(() => client.received() === CONTINUE, { what: 'a 100', timeoutMs: 3_000 });
  client.write(sent);
  const reply = await client.reply();
  expect(reply).toMatchObject({ status: 200, interim: [100] });
  expect(client.received().split('100 Continue')).toHaveLength(2);
  expect(seen.at(-1)?.body.toString()).toBe(body);
  // Answered here: the upstream need not be asked again.
  expect(valuesOf(seen.at(-1)?.rawHeaders ?? [], 'expect')).toEqual([]);
  client.close();
});

test('a client that sends its body without waiting for the 100 is served', async () => {
  const client = await openRaw(path.port);
  client.write(
    rawRequest(['POST / HTTP/1.1', 'Host: h', 'Expect: 100-continue', 'Content-Length: 5'], 'hello'),
  );
  expect((await client.reply()).status).toBe(200);
  expect(seen.at(-1)?.body.toString()).toBe('hello');
  client.close();
});

test('a body that is too large is refused before it is asked for', async () => {
  const client = await openRaw(path.port);
  const before = seen.length;
  client.write(rawRequest(['POST / HTTP/1.1', 'Host: h', 'Expect: 100-continue', 'Content-Length: 1000001']));
  const reply = await client.reply();
  expect(reply).toMatchObject({ status: 413, interim: [] });
  expect(seen.length).toBe(before);
  client.close();
});

test('a request that asks to go on and has no body is served', async () => {
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h', 'Expect: 100-continue']));
  expect((await client.reply()).status).toBe(200);
  client.close();
});

test('a client is asked for the beginning of its large body before there is a slot', async () => {
  const lonely = await startTestHub(redis.url, uniqueGroup(), { queueWaitMs: 300 });
  const client = await openRaw(lonely.port);
  client.write(rawRequest(['POST / HTTP/1.1', 'Host: h', 'Expect: 100-continue', 'Content-Length: 300000']));
  await waitFor(() => client.received() === CONTINUE, { what: 'a 100', timeoutMs: 3_000 });
  client.write('x'.repeat(100_000));
  expect(await client.reply()).toMatchObject({ status: 503, interim: [100] });
  client.close();
  await lonely.close();
});

test.each([
  ['small', '/size/10'],
  ['large', '/size/100000'],
  ['streamed', '/stream'],
])('behind another request, 100 comes behind its reply and before a %s one', async (_what, target) => {
  let release: (() => void) | undefined;
  const upstream = await startUpstream((req, res) => {
    if (req.url === '/slow') {
      release = () => void res.end('slow');
      return;
    }
    req.resume().on('end', () => {
      if (target === '/stream') {
        res.write('first');
        setTimeout(() => res.end('last'), 200);
      } else res.end('x'.repeat(Number(target.split('/')[2])));
    });
  });
  const own = await startDataPath(redis, upstream.url, { agent: { concurrency: 4 } });
  const client = await openRaw(own.port);
  client.write(rawRequest(['GET /slow HTTP/1.1', 'Host: h']));
  await waitFor(() => release !== undefined, { what: 'the slow one' });
  client.write(
    rawRequest([`PUT ${target} HTTP/1.1`, 'Host: h', 'Expect: 100-continue', 'Content-Length: 3'], 'abc'),
  );
  await delay(100);
  expect(client.received()).toBe('');
  release?.();

  expect(await client.reply()).toMatchObject({ status: 200, body: Buffer.from('slow'), interim: [] });
  const second = await client.reply();
  expect(second).toMatchObject({ status: 200, interim: [100] });
  const whole = target === '/stream' ? 'firstlast' : 'x'.repeat(Number(target.split('/')[2]));
  expect(second.body.toString()).toBe(whole);
  client.close();
  await own.close();
  await upstream.close();
});
