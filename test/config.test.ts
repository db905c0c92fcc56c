import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { agentSettings } from '../router-core/agent/settings.ts';
import { hubSettings } from '../router-core/hub/settings.ts';
import { configFor } from './support/settings.ts';

const REDIS = ['--redis', 'redis://localhost'];
const UPSTREAM = ['--upstream', 'http://localhost:8000'];

describe('the hub', () => {
  test('has the documented defaults', async () => {
    expect(await configFor(hubSettings, REDIS)).toEqual({
      redisUrl: 'redis://localhost',
      host: '0.0.0.0',
      port: 8080,
      tlsCerts: [],
      tlsKeys: [],
      httpsRedirect: true,
      workers: 1,
      maxInFlight: 4096,
      trustedProxies: [
        { address: '127.0.0.0', bits: 8, family: 'ipv4' },
        { address: '::1', bits: 128, family: 'ipv6' },
      ],
      forwarded: false,
      keepAliveMs: 75_000,
      minBodyRate: 1_000,
      drainMs: 30_000,
      // Those of the configuration; a fresh install has one, default=/*.
      groups: [],
      maxBodyBytes: 100 * 1024 * 1024,
      queueDepth: 1000,
      queueWaitMs: 30_000,
      firstByteTimeoutMs: 120_000,
      idleTimeoutMs: 60_000,
      totalTimeoutMs: 3_600_000,
      groupConcurrency: 0,
      attempts: 2,
      retryUnsafe: false,
      leaseMs: 6_000,
      link: true,
      slime: false,
      metricsPort: undefined,
      metricsHost: '127.0.0.1',
      logLevel: 'info',
      accessLog: false,
    });
  });

  test('takes a variable for each flag, and a flag before its variable', async () => {
    const variables = { ROUTER_REDIS_URL: 'redis://env', ROUTER_PORT: '1', ROUTER_QUEUE_WAIT: '1s' };
    expect(await configFor(hubSettings, ['--port', '2'], variables)).toMatchObject({
      redisUrl: 'redis://env',
      port: 2,
      queueWaitMs: 1_000,
    });
  });

  test('takes several groups, each with its own path', async () => {
    const flags = [...REDIS, '--group', 'gpu=/v1/*', '--group', 'fetch=/fetch', '--group', 'rest'];
    expect((await configFor(hubSettings, flags)).groups).toEqual([
      { name: 'gpu', path: '/v1/*' },
      { name: 'fetch', path: '/fetch' },
      { name: 'rest', path: '/*' },
    ]);
    const variables = { ROUTER_GROUP: 'gpu=/v1/*,rest' };
    expect((await configFor(hubSettings, REDIS, variables)).groups).toEqual([
      { name: 'gpu', path: '/v1/*' },
      { name: 'rest', path: '/*' },
    ]);
  });

  test.each(['a=b', '=/*', 'a=/*/b', 'a=/x*', 'a b', 'a=/x?y', 'n'.repeat(65), ''])(
    'refuses "%s" as a group',
    async (group) => {
      await expect(configFor(hubSettings, [...REDIS, '--group', group])).rejects.toThrow('--group');
    },
  );

  test('refuses two groups on one path', async () => {
    const flags = [...REDIS, '--group', 'a=/x/*', '--group', 'b=/x/*'];
    await expect(configFor(hubSettings, flags)).rejects.toThrow('groups "a" and "b" have the same path /x/*');
  });

  test('switches are on by their name alone, and off by a value', async () => {
    expect(await configFor(hubSettings, [...REDIS, '--access-log'])).toMatchObject({ accessLog: true });
    const variables = { ROUTER_ACCESS_LOG: 'false', ROUTER_RETRY_UNSAFE: 'true' };
    expect(await configFor(hubSettings, REDIS, variables)).toMatchObject({
      accessLog: false,
      retryUnsafe: true,
    });
  });

  test('hands down an object that nothing can change', async () => {
    const config = await configFor(hubSettings, REDIS);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.groups) && Object.isFrozen(config.groups[0])).toBe(true);
  });

  test.each([
    [[], '--redis is required (or ROUTER_REDIS_URL)'],
    [[...REDIS, '--port', 'abc'], '--port: "abc" is not a port'],
    [[...REDIS, '--drain', '30'], '--drain: "30" is not a duration such as 250ms, 30s or 1h'],
    [[...REDIS, '--total-timeout', '0'], '--total-timeout: "0" is not'],
    [[...REDIS, '--workers', '0'], '--workers: "0" is not a whole number, 1 to 256'],
    [[...REDIS, '--log-level', 'loud'], '--log-level: "loud" is not one of'],
  ])('%j is refused: %s', async (flags, message) => {
    await expect(configFor(hubSettings, flags)).rejects.toThrow(message);
  });

  test('blames the variable when the value came from it', async () => {
    await expect(configFor(hubSettings, REDIS, { ROUTER_PORT: 'abc' })).rejects.toThrow(
      'ROUTER_PORT: "abc" is not',
    );
  });
});

describe('the agent', () => {
  test('has the documented defaults', async () => {
    expect(await configFor(agentSettings, [...REDIS, ...UPSTREAM])).toEqual({
      redisUrl: 'redis://localhost',
      hubs: [],
      hubCa: undefined,
      token: undefined,
      group: 'default',
      upstreams: ['http://localhost:8000'],
      upstreamInsecure: false,
      // Default: the concurrency of the token's record; 1 without one.
      concurrency: undefined,
      name: hostname(),
      healthPath: undefined,
      setHeaders: [],
      labels: {},
      reportHardware: true,
      preserveHost: false,
      drainMs: 30_000,
      connectTimeoutMs: 10_000,
      metricsPort: undefined,
      metricsHost: '127.0.0.1',
      logLevel: 'info',
    });
  });

  test('takes several upstreams, by commas and by repetition', async () => {
    const flags = [...REDIS, '--upstream', 'http://a,http://b', '--upstream', 'http://c/base'];
    expect((await configFor(agentSettings, flags)).upstreams).toEqual([
      'http://a',
      'http://b',
      'http://c/base',
    ]);
    const variables = { ROUTER_UPSTREAM: 'http://a,http://b' };
    expect((await configFor(agentSettings, REDIS, variables)).upstreams).toEqual(['http://a', 'http://b']);
  });

  test('keeps the commas within a header to set', async () => {
    const flags = [
      ...REDIS,
      ...UPSTREAM,
      '--set-header',
      'Accept: a, b',
      '--set-header',
      'Authorization: Bearer x',
    ];
    const wanted = [
      ['Accept', 'a, b'],
      ['Authorization', 'Bearer x'],
    ];
    expect((await configFor(agentSettings, flags)).setHeaders).toEqual(wanted);
    const variables = { ROUTER_SET_HEADER: 'Accept: a, b,Authorization: Bearer x' };
    expect((await configFor(agentSettings, [...REDIS, ...UPSTREAM], variables)).setHeaders).toEqual(wanted);
  });

  test.each([
    [REDIS, '--upstream is required (or ROUTER_UPSTREAM)'],
    [[...REDIS, '--upstream', 'http://a,b'], '--upstream: expected a URL'],
    [[...REDIS, ...UPSTREAM, '--health', 'health'], '--health: "health" is not a path'],
    [[...REDIS, ...UPSTREAM, '--concurrency', '0'], '--concurrency: "0" is not a whole number'],
    [[...REDIS, ...UPSTREAM, '--name', 'two words'], '--name: "two words" is not a name'],
  ])('%j is refused: %s', async (flags, message) => {
    await expect(configFor(agentSettings, flags)).rejects.toThrow(message);
  });
});
