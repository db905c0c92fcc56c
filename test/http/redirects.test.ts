import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { configure, configuredHub } from '../support/config.ts';
import { agentHere, upstreamHere } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  const groups = [{ name: 'plain' }, { name: 'based' }];
  const to = (group: string) => [{ group }];
  const routes = [
    { name: 'plain', match: { path: '/*' }, groups: to('plain') },
    { name: 'stripped', match: { path: '/app/*' }, groups: to('plain'), stripPrefix: true },
    { name: 'based', match: { path: '/based/*' }, groups: to('based'), stripPrefix: true },
  ];
  await configure(redis.url, { groups, routes });
});
afterAll(() => redis.stop());

test('redirects of an upstream to itself lead to the router, through base path and stripped prefix', async () => {
  const upstream = await upstreamHere((req, res) => {
    const to = new URL(req.url ?? '', upstream.url).searchParams.get('to') ?? '';
    res.writeHead(302, { Location: to.replace('self', upstream.url) }).end();
  });
  const hub = await configuredHub(redis.url);
  await agentHere(redis.url, 'plain', upstream.url);
  await agentHere(redis.url, 'based', `${upstream.url}/base`);
  const location = async (path: string, to: string) => {
    const url = `${hub.url}${path}?to=${encodeURIComponent(to)}`;
    const { status, headers } = await ask(url, { headers: { 'X-Forwarded-Prefix': '/evil' } });
    expect(status).toBe(302);
    return headers['location'];
  };

  expect(await location('/x', 'self/login?a=b')).toBe('/login?a=b');
  expect(await location('/app/x', 'self/login?a=b')).toBe('/app/login?a=b');
  expect(await location('/based/x', 'self/base/login')).toBe('/based/login');
  expect(await location('/based/x', 'self/elsewhere')).toBe(`${upstream.url}/elsewhere`);
  expect(await location('/app/x', '/login')).toBe('/login');
  expect(await location('/app/x', 'https://other.example/login')).toBe('https://other.example/login');
});
