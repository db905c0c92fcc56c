import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { openRaw, rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let path: DataPath;
const { seen, listener } = recordRequests();
beforeAll(async () => {
  redis = await startRedis();
  path = await startDataPath(redis, listener, { hub: { keepAliveMs: 1_000 } });
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

const ask = (method: string, ...fields: string[]) =>
  sendRaw(path.port, rawRequest([`${method} /x HTTP/1.1`, 'Host: h', ...fields]));

test.each([
  ['OPTIONS', 204],
  ['TRACE', 501],
])('%s with Max-Forwards: 0 is answered by the hub', async (method, status) => {
  const before = seen.length;
  expect((await ask(method, 'Max-Forwards: 0')).status).toBe(status);
  expect(seen.length).toBe(before);
});

test.each([
  ['OPTIONS', '3', '2'],
  ['TRACE', '1', '0'],
  // Other methods, and values that are no numbers, are passed on as they are.
  ['GET', '0', '0'],
  ['OPTIONS', 'many', 'many'],
])('%s with Max-Forwards: %s goes on with %s', async (method, sent, passed) => {
  expect((await ask(method, `Max-Forwards: ${sent}`)).status).toBe(200);
  expect(valuesOf(seen.at(-1)?.rawHeaders ?? [], 'max-forwards')).toEqual([passed]);
});

test('Upgrade is ignored in HTTP/1.0', async () => {
  const fields = ['Host: h', 'Connection: Upgrade', 'Upgrade: echo/1'];
  const reply = await sendRaw(path.port, rawRequest(['GET /old HTTP/1.0', ...fields]));
  expect(reply.status).toBe(200);
  expect(valuesOf(seen.at(-1)?.rawHeaders ?? [], 'upgrade')).toEqual([]);
});

test('an idle connection is closed after --keep-alive, and told so', async () => {
  const client = await openRaw(path.port);
  client.write(rawRequest(['GET / HTTP/1.1', 'Host: h']));
  const reply = await client.reply();
  expect(valuesOf(reply.headers, 'keep-alive')).toEqual(['timeout=1']);
  const startedAt = performance.now();
  expect(await client.ended).toBe('end');
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});
