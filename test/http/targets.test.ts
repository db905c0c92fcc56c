import { METHODS } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream } from '../support/router.ts';

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

/** Sends one request line with what every request needs and returns what the upstream saw of it. */
async function targetSeenFor(requestLine: string, host = 'hub.test') {
  const before = seen.length;
  const reply = await sendRaw(path.port, rawRequest([requestLine, `Host: ${host}`]));
  expect({ requestLine, status: reply.status }).toEqual({ requestLine, status: 200 });
  expect(seen.length).toBe(before + 1);
  return seen[before];
}

test.each([
  '/',
  '/a%2Fb',
  '/a%2fb',
  '//',
  '//double//slash',
  '//evil.test/x',
  '/empty?',
  '/?',
  '/??a=?',
  '/semi;colon;v=1?x=1;y=2',
  '/dots/../up',
  '/./here/.',
  '/%2e%2e/up',
  '/..',
  '/sp%20ace+plus',
  `/marks-._~!$&'()*+,;=:@`,
  '/odd|pipe^caret`tick{brace}"quote<angle>\\back[square]',
  '/q?a=b&a=c&%00',
  '/x?url=http://other.test/?y',
])('the upstream gets the target %j byte for byte', async (target) => {
  expect((await targetSeenFor(`GET ${target} HTTP/1.1`))?.url).toBe(target);
});

test('a target of 8,000 bytes passes', async () => {
  const target = `/${'long/'.repeat(1_600)}`;
  expect((await targetSeenFor(`GET ${target} HTTP/1.1`))?.url).toBe(target);
});

test.each(METHODS.filter((method) => method !== 'CONNECT'))('%s reaches the upstream', async (method) => {
  const request = await targetSeenFor(`${method} /m HTTP/1.1`);
  expect(request).toMatchObject({ method, url: '/m' });
});

test('OPTIONS * is answered for the hub itself and reaches no upstream', async () => {
  const before = seen.length;
  const reply = await sendRaw(path.port, rawRequest(['OPTIONS * HTTP/1.1', 'Host: hub.test']));
  expect(reply.status).toBeGreaterThanOrEqual(200);
  expect(reply.status).toBeLessThan(300);
  expect(seen.length).toBe(before);
});

test('CONNECT is refused with a problem and reaches no upstream', async () => {
  const before = seen.length;
  const reply = await sendRaw(
    path.port,
    rawRequest(['CONNECT other.test:443 HTTP/1.1', 'Host: other.test:443']),
  );
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(valuesOf(reply.headers, 'content-type')).toEqual(['application/problem+json']);
  expect(valuesOf(reply.headers, 'router-executed')).toEqual(['no']);
  expect(JSON.parse(reply.body.toString())).toMatchObject({ status: reply.status });
  expect(seen.length).toBe(before);
});

test.each([
  ['http://target.test/abs%2Fpath?', '/abs%2Fpath?', 'target.test'],
  ['http://target.test:8080/x', '/x', 'target.test:8080'],
  ['https://target.test/x', '/x', 'target.test'],
  ['HTTP://target.test/x', '/x', 'target.test'],
  ['http://target.test', '/', 'target.test'],
  ['http://target.test?q=1', '/?q=1', 'target.test'],
  ['http://target.test//x', '//x', 'target.test'],
  ['http://[::1]:80/x', '/x', '[::1]:80'],
])(
  'of the absolute target %s the path goes on, and its authority wins over Host',
  async (target, url, host) => {
    const request = await targetSeenFor(`GET ${target} HTTP/1.1`, 'liar.test');
    expect(request?.url).toBe(url);
    expect(valuesOf(request?.rawHeaders ?? [], 'x-forwarded-host')).toEqual([host]);
    expect(request?.rawHeaders.join(' ')).not.toContain('liar.test');
  },
);

test("the base path of the upstream's URL is put before the target", async () => {
  const { seen: atBase, listener: baseListener } = recordRequests();
  const upstream = await startUpstream(baseListener);
  const joined = await startDataPath(redis, `${upstream.url}/base/v1/`);
  for (const target of ['/x?', '//y', '/../z', '/']) {
    expect((await sendRaw(joined.port, rawRequest([`GET ${target} HTTP/1.1`, 'Host: h']))).status).toBe(200);
  }
  expect(atBase.map(({ url }) => url)).toEqual(['/base/v1/x?', '/base/v1//y', '/base/v1/../z', '/base/v1/']);
  await joined.close();
  await upstream.close();
});

test.each(['/_router/live', '/_router/ready', '/_router/unknown', 'http://hub.test/_router/live'])(
  'the control path %s never reaches an upstream',
  async (target) => {
    const before = seen.length;
    await sendRaw(path.port, rawRequest([`GET ${target} HTTP/1.1`, 'Host: hub.test']));
    expect(seen.length).toBe(before);
  },
);
