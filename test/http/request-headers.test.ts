import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream, type TestUpstream } from '../support/router.ts';

let redis: TestRedis;
let upstream: TestUpstream;
let path: DataPath;
let ruled: DataPath;
const { seen, listener } = recordRequests();

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startUpstream(listener);
  path = await startDataPath(redis, upstream.url);
  const setHeaders: [string, string][] = [
    ['Authorization', 'Bearer provider-key'],
    ['X-Added', 'one'],
  ];
  ruled = await startDataPath(redis, upstream.url, { agent: { preserveHost: true, setHeaders } });
});
afterAll(async () => {
  await Promise.all([path.close(), ruled.close()]);
  await upstream.close();
  await redis.stop();
});

/** The raw fields that the upstream got for these lines. */
async function fieldsSeenFor(lines: string[], { through = path, body = '', method = 'GET' } = {}) {
  const before = seen.length;
  const reply = await sendRaw(
    through.port,
    rawRequest([`${method} / HTTP/1.1`, 'Host: hub.test', ...lines], body),
  );
  expect(reply.status).toBe(200);
  const raw = seen[before]?.rawHeaders ?? [];
  return { raw, values: (name: string) => valuesOf(raw, name), request: seen[before] };
}

const namesOf = (raw: string[]) => raw.filter((_name, i) => i % 2 === 0).map((name) => name.toLowerCase());

test('fields arrive in their order, with their spelling and their duplicates', async () => {
  const lines = [
    'x-B: 2',
    'X-a: 1',
    'Accept: a/b',
    'x-b: 3',
    'Accept: c/d',
    'COOKIE: k=v',
    'Cookie: l=w',
    'X-a:',
  ];
  const { raw } = await fieldsSeenFor(lines);
  const flat = lines.flatMap((line) => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  const ours = raw.filter((_each, i) =>
    ['x-a', 'x-b', 'accept', 'cookie'].includes(raw[i - (i % 2)]?.toLowerCase() ?? ''),
  );
  expect(ours).toEqual(flat);
});

test('hop-by-hop fields stay behind', async () => {
  const { raw } = await fieldsSeenFor([
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: gzip;q=0.5',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Proxy-Authorization: Basic c2VjcmV0',
    'X-Kept: yes',
  ]);
  const names = namesOf(raw);
  expect(names).toContain('x-kept');
  for (const name of [
    'keep-alive',
    'proxy-connection',
    'te',
    'upgrade',
    'http2-settings',
    'proxy-authorization',
  ]) {
    expect(names).not.toContain(name);
  }
});

test('fields that Connection nominates stay behind, in every spelling and in several Connection fields', async () => {
  const { raw } = await fieldsSeenFor([
    'Connection: X-One , x-TWO',
    'X-One: 1',
    'x-two: 2',
    'connection: X-Three',
    'X-THREE: 3',
    'X-Four: 4',
  ]);
  expect(namesOf(raw).filter((name) => name.startsWith('x-') && !name.startsWith('x-forwarded'))).toEqual([
    'x-four',
  ]);
});

test.each(['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Via', 'Router-Request-Id'])(
  'a client cannot take our %s away by nominating it in Connection',
  async (name) => {
    const { values } = await fieldsSeenFor([`Connection: close, ${name}`, `${name}: forged`]);
    expect(values(name)).toHaveLength(1);
    expect(values(name)[0]).not.toContain('forged');
  },
);

test('X-Forwarded-For is appended to, X-Forwarded-Proto and -Host and Via are told', async () => {
  const plain = await fieldsSeenFor([]);
  expect(plain.values('x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(plain.values('x-forwarded-proto')).toEqual(['http']);
  expect(plain.values('x-forwarded-host')).toEqual(['hub.test']);
  expect(plain.values('via').join()).toMatch(/^1\.1 \S+$/);

  const behind = await fieldsSeenFor([
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For: 10.0.0.2',
    'Via: 1.0 edge',
  ]);
  expect(behind.values('x-forwarded-for').join(', ')).toBe('10.0.0.1, 10.0.0.2, 127.0.0.1');
  expect(behind.values('via').join(', ')).toMatch(/^1\.0 edge, 1\.1 \S+$/);
});

test('fields that only the router may speak are replaced', async () => {
  const { values } = await fieldsSeenFor(['Router-Request-Id: forged', 'Router-Executed: no']);
  expect(values('router-request-id')).toHaveLength(1);
  expect(values('router-request-id')[0]).not.toBe('forged');
  expect(values('router-executed')).toEqual([]);
});

test("Host is the upstream's own, or the client's where the agent preserves it", async () => {
  expect((await fieldsSeenFor([])).values('host')).toEqual([`127.0.0.1:${upstream.port}`]);
  expect((await fieldsSeenFor([], { through: ruled })).values('host')).toEqual(['hub.test']);
});

test("headers set at the agent replace the client's of that name and are added when there is none", async () => {
  const lines = ['AUTHORIZATION: Bearer client', 'authorization: Basic again', 'X-Other: kept'];
  const { values } = await fieldsSeenFor(lines, { through: ruled });
  expect(values('authorization')).toEqual(['Bearer provider-key']);
  expect(values('x-added')).toEqual(['one']);
  expect(values('x-other')).toEqual(['kept']);
});

test("a client's own Authorization passes where the agent sets none", async () => {
  expect((await fieldsSeenFor(['Authorization: Bearer mine'])).values('authorization')).toEqual([
    'Bearer mine',
  ]);
});

test('TE: trailers is passed on, other transfer codings are not', async () => {
  const { values } = await fieldsSeenFor(['TE: trailers, deflate;q=0.5', 'Connection: TE']);
  expect(values('te')).toEqual(['trailers']);
});

test("a Content-Length with leading zeros is normalised, never forwarded in the client's spelling", async () => {
  const { values, request } = await fieldsSeenFor(['Content-Length: 005'], { method: 'POST', body: 'hello' });
  expect(values('content-length')).toEqual(['5']);
  expect(request?.body.toString()).toBe('hello');
});

test('a head of almost 16 KiB passes', async () => {
  const value = 'v'.repeat(14 * 1024);
  expect((await fieldsSeenFor([`X-Long: ${value}`])).values('x-long')).toEqual([value]);
});
