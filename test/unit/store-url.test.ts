import { expect, test } from 'vitest';
import { withoutLogin } from '../../router-cli/contexts/redis-address.ts';
import { createPartSet } from '../../router-cli/part-set.ts';
import { startRedis } from '../../router-cli/start-parts.ts';
import { hashSlot } from '../../router-core/redis/connection/hash-slot.ts';
import { parseStoreUrl } from '../../router-core/runtime/store-url.ts';

const NODE = { host: '10.0.0.9', port: '7000' };

test.each([
  ['redis://h', 'standalone', ['h:'], '', 'redis://h', 'redis://h'],
  ['rediss://u:p@h:1/2?family=6', 'standalone', ['h:1'], '', 'rediss://u:p@h:1/2?family=6', undefined],
  [
    'redis+sentinel://a,b:1/m',
    'sentinel',
    ['a:26379', 'b:1'],
    'm',
    'redis://10.0.0.9:7000',
    'redis://10.0.0.9:7000',
  ],
  [
    'rediss+sentinel://u:p%40@a/m/3?sentinelUsername=s&sentinelPassword=%2F&family=6',
    'sentinel',
    ['a:26379'],
    'm',
    'rediss://u:p%40@10.0.0.9:7000/3?family=6',
    'rediss://s:%2F@10.0.0.9:7000?family=6',
  ],
  [
    'redis+cluster://:p@[::1]:7,b',
    'cluster',
    ['[::1]:7', 'b:6379'],
    '',
    'redis://:p@10.0.0.9:7000',
    undefined,
  ],
  ['unix:///run/redis.sock?db=1', 'standalone', [], '', 'unix:///run/redis.sock?db=1', undefined],
  ['redis+cluster://a/', 'cluster', ['a:6379'], '', 'redis://10.0.0.9:7000', undefined],
])('%s is a %s', (text, kind, endpoints, master, node, sentinel) => {
  const url = parseStoreUrl(text);
  expect(url?.kind).toBe(kind);
  expect(url?.endpoints.map(({ host, port }) => `${host}:${port}`)).toEqual(endpoints);
  expect(url?.master).toBe(master);
  expect(url?.urlOf(NODE)).toBe(node);
  if (sentinel !== undefined) expect(url?.sentinelUrlOf(NODE)).toBe(sentinel);
});

test.each([
  'http://h',
  'h:6379',
  'redis://',
  'redis+sentinel://a:26379',
  'redis+sentinel://a/m/x',
  'redis+sentinel://a/m/0/1',
  'redis+sentinel:///m',
  'redis+sentinel://a,,b/m',
  'redis+cluster://a:b',
  'redis+cluster://a/1',
  'redis+other://a',
  'unix:/run/redis.sock',
  'unix://run/redis.sock',
  'unix://p@/run/redis.sock',
  'unix:///',
  'unix:///run/',
  'unix:///%',
  'unix:///s?db=x',
  'unix:///s?family=6',
  'unix:///s#1',
])('%s is nowhere', (text) => {
  expect(parseStoreUrl(text)).toBeUndefined();
});

test.each([
  ['redis://u:p@h:1/2', 'redis://h:1/2'],
  ['redis+cluster://u:p@a,b:1', 'redis+cluster://a,b:1'],
  [
    'redis+sentinel://u:p@a,b/m?sentinelUsername=u&sentinelPassword=p&family=6',
    'redis+sentinel://a,b/m?family=6',
  ],
  ['redis+sentinel://a/m?family=6&sentinelPassword=p', 'redis+sentinel://a/m?family=6'],
  ['unix:///s?db=1&username=u&password=p', 'unix:///s?db=1'],
  ['redis+sentinel://a/m?sentinelPassword=p', 'redis+sentinel://a/m'],
])('%s goes to agents as %s', (url, bare) => {
  expect(withoutLogin(url)).toBe(bare);
});

test.each([
  ['redis+sentinel://u:p@a:1,b:2/m', 'redis+sentinel://a:1,b:2/m'],
  ['unix:///s?password=p', 'unix:///s'],
])('up shows a Redis that it was given without its login: %s', async (url, address) => {
  const context = { parts: createPartSet(() => undefined), env: {} };
  expect(await startRedis(context, url)).toMatchObject({ what: 'given', address, url });
});

test('slots are those of the Cluster specification', () => {
  expect(hashSlot('123456789')).toBe(0x31c3);
  expect(hashSlot('foo')).toBe(12_182);
  expect(hashSlot('/config')).toBe(13_938);
});
