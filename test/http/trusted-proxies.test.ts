import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressRange } from '../../router-core/hub/front/trusted-proxies.ts';
import { hubSettings, type HubConfig } from '../../router-core/hub/settings.ts';
import { configure, configuredHub, recordLog } from '../support/config.ts';
import { recordRequests, startDataPath, type DataPath } from '../support/data-path.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { openRaw, rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startUpstream, type TestUpstream } from '../support/router.ts';
import { configFor } from '../support/settings.ts';

let redis: TestRedis;
let upstream: TestUpstream;
const paths: Record<string, DataPath> = {};
const { seen, listener } = recordRequests();

beforeAll(async () => {
  redis = await startRedis();
  upstream = await startUpstream(listener);
  const add = async (name: string, hub: Partial<HubConfig>) => {
    paths[name] = await startDataPath(redis, upstream.url, { hub });
  };
  await add('trusting', {});
  await add('wary', { trustedProxies: ['none'] });
  await add('trusting and telling', { forwarded: true });
  await add('wary and telling', { trustedProxies: ['none'], forwarded: true });
});
afterAll(async () => {
  await Promise.all(Object.values(paths).map((path) => path.close()));
  await upstream.close();
  await redis.stop();
});

/** Sends a request with these lines. Returns what the upstream is told of its client. */
async function told(hub: keyof typeof paths, ...lines: string[]) {
  const before = seen.length;
  const { status } = await sendRaw(
    paths[hub]?.port ?? 0,
    rawRequest(['GET / HTTP/1.1', 'Host: hub.test', ...lines]),
  );
  expect(status).toBe(200);
  const raw = seen[before]?.rawHeaders ?? [];
  const value = (name: string) => valuesOf(raw, name).join(' | ');
  return {
    for: value('x-forwarded-for'),
    proto: value('x-forwarded-proto'),
    host: value('x-forwarded-host'),
    port: value('x-forwarded-port'),
    forwarded: value('forwarded'),
    cert: value('x-forwarded-client-cert'),
    id: value('router-request-id'),
  };
}

const CLAIMS = [
  'X-Forwarded-For: 1.1.1.1',
  'X-Forwarded-Proto: https',
  'x-forwarded-host: a.test',
  'X-Forwarded-Port: 443',
  'X-Forwarded-Client-Cert: Subject="CN=admin"',
  'Forwarded: for=1.1.1.1',
  'Router-Request-Id: theirs',
];

test('of a client that is no trusted proxy, nothing that only proxies may say goes on', async () => {
  const { id, ...others } = await told('wary', ...CLAIMS);
  expect(others).toEqual({
    ...{ for: '127.0.0.1', proto: 'http', host: 'hub.test' },
    ...{ port: '', forwarded: '', cert: '' },
  });
  expect(id).not.toContain('theirs');
});

test('of a trusted proxy all goes on, and its address is added', async () => {
  expect(await told('trusting', ...CLAIMS)).toMatchObject({
    ...{ for: '1.1.1.1, 127.0.0.1', proto: 'https', host: 'a.test', port: '443' },
    ...{ forwarded: 'for=1.1.1.1', cert: 'Subject="CN=admin"' },
  });
});

test('a trusted proxy that sends Forwarded alone is understood', async () => {
  const line = 'Forwarded: for="[2001:db8::1]:99";host=a.test;proto=https, for=127.0.0.2';
  expect(await told('trusting', line)).toMatchObject({
    ...{ for: '2001:db8::1, 127.0.0.2, 127.0.0.1', proto: 'https', host: 'a.test' },
  });
});

describe('with --forwarded', () => {
  const OURS = 'for=127.0.0.1;host=hub.test;proto=http';

  test('an upstream gets an element of the hub', async () => {
    expect((await told('trusting and telling')).forwarded).toBe(OURS);
    expect((await told('wary and telling', ...CLAIMS)).forwarded).toBe(OURS);
  });

  test('it comes behind those of a trusted proxy', async () => {
    const line = 'Forwarded: for=1.1.1.1;proto=https';
    expect((await told('trusting and telling', line)).forwarded).toBe(`for=1.1.1.1;proto=https, ${OURS}`);
  });

  test('a trusted X-Forwarded-For is translated', async () => {
    const lines = ['X-Forwarded-For: 2001:db8::1, 127.0.0.2', 'X-Forwarded-Proto: https'];
    expect((await told('trusting and telling', ...lines)).forwarded).toBe(
      `for="[2001:db8::1]";proto=https, for=127.0.0.2, ${OURS}`,
    );
  });
});

test('log and routes follow: the client is who a trusted proxy names, and only its fields choose a route', async () => {
  const { url } = await redisHere();
  await configure(url, {
    groups: [{ name: 'g' }],
    routes: [
      { name: 'all', groups: [{ group: 'g' }] },
      {
        name: 'secure',
        match: { headers: [{ name: 'X-Forwarded-Proto', value: 'https' }] },
        groups: [{ group: 'g' }],
      },
    ],
  });
  await agentHere(url, 'g', (await upstreamHere(listener)).url);
  const entryOf = async (config: Partial<HubConfig>) => {
    const { log, lines } = recordLog();
    const hub = await configuredHub(url, { accessLog: true, ...config }, log);
    await sendRaw(hub.port, rawRequest(['GET / HTTP/1.1', 'Host: h', ...CLAIMS]));
    await sendRaw(hub.port, rawRequest(['GET / HTTP/1.1', 'Host: h', ...CLAIMS]));
    const entry = lines.find(({ msg }) => msg === 'request');
    const logged = (field: string) => entry?.[field];
    const hints = lines.filter(({ msg }) => msg.includes('--trust-proxy')).length;
    return { client: logged('client'), route: logged('route'), outerId: logged('outerId'), hints };
  };
  expect(await entryOf({})).toEqual({ client: '1.1.1.1', route: 'secure', outerId: 'theirs', hints: 0 });
  expect(await entryOf({ trustedProxies: ['none'] })).toEqual({
    client: '127.0.0.1',
    route: 'all',
    hints: 1,
  });
});

test.each([
  ['clients behind a trusted proxy', '127.0.0.0/8', 0],
  ['the peer where it is not trusted', 'none', 2],
])('shares of unfinished bodies are those of %s', async (_what, trusted, refused) => {
  const trustedProxies = [addressRange().parse(trusted)];
  const path = await startDataPath(redis, upstream.url, { hub: { maxInFlight: 16, trustedProxies } });
  const clients = await Promise.all(Array.from({ length: 6 }, () => openRaw(path.port)));
  const statuses: number[] = [];
  clients.forEach((client, i) => {
    const lines = ['POST / HTTP/1.1', 'Host: h', 'Content-Length: 9', `X-Forwarded-For: 192.0.2.${i}`];
    client.write(rawRequest(lines, 'x'));
    void client.reply().then(
      ({ status }) => statuses.push(status),
      () => undefined,
    );
  });
  await delay(800);
  expect(statuses).toEqual(Array.from({ length: refused }, () => 503));
  for (const client of clients) client.close();
  await path.close();
});

test('--trust-proxy takes addresses and ranges of both families, and none', async () => {
  const parsed = async (...flags: string[]) =>
    (await configFor(hubSettings, ['--redis', 'redis://h', ...flags])).trustedProxies;
  expect(await parsed()).toEqual([
    { address: '127.0.0.0', bits: 8, family: 'ipv4' },
    { address: '::1', bits: 128, family: 'ipv6' },
  ]);
  expect(await parsed('--trust-proxy', '10.0.0.0/8,fd00::/8', '--trust-proxy', '192.0.2.1')).toEqual([
    { address: '10.0.0.0', bits: 8, family: 'ipv4' },
    { address: 'fd00::', bits: 8, family: 'ipv6' },
    { address: '192.0.2.1', bits: 32, family: 'ipv4' },
  ]);
  expect(await parsed('--trust-proxy', 'none')).toEqual(['none']);
  for (const wrong of ['10.0.0.0/33', 'proxy.test', '10.0.0', '']) {
    await expect(parsed('--trust-proxy', wrong || ' ')).rejects.toThrow('is not an address or a range');
  }
});
