import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../../router-core/agent/agent.ts';
import { configure, newToken } from '../support/config.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  startTestAgent,
  startTestHub,
  startUpstream,
  type TestHub,
  type TestUpstream,
} from '../support/router.ts';

// RFC 9110 §7.6.1: what Connection nominates is for the next hop, which is the hub. Routes compare what goes on; what is said to
// the router itself counts.

const shop = newToken('app');
let redis: TestRedis;
let hub: TestHub;
let upstreams: TestUpstream[];
let agents: Agent[];

beforeAll(async () => {
  redis = await startRedis();
  const condition = (name: string, value?: string) => [{ name, ...(value !== undefined && { value }) }];
  const asksFor = (path: string, name: string, value?: string) => ({
    name: path,
    match: { path: `/${path}`, headers: condition(name, value) },
    groups: [{ group: 'special' }],
  });
  await configure(redis.url, {
    groups: [{ name: 'plain' }, { name: 'special', queue: { waitMs: 3_000 } }],
    routes: [
      { name: 'plain', groups: [{ group: 'plain' }] },
      asksFor('x-a', 'X-A'),
      asksFor('te', 'TE'),
      asksFor('upgrade', 'Upgrade'),
      asksFor('host', 'Host', 'hub.test'),
      asksFor('type', 'Content-Type', 'a/b, c/d'),
      asksFor('cookie', 'Cookie', 'a=1; b=2'),
      { name: 'guarded', match: { path: '/guarded' }, groups: [{ group: 'special' }], auth: 'app' },
    ],
    apps: [{ name: 'shop', tokens: [shop.stored] }],
  });
  hub = await startTestHub(redis.url, '', { groups: [], drainMs: 300 });
  upstreams = [];
  agents = [];
  for (const group of ['plain', 'special']) {
    const upstream = await startUpstream((_req, res) => res.end(group));
    upstreams.push(upstream);
    agents.push(await startTestAgent(redis.url, group, upstream.url, { drainMs: 300 }));
  }
});
afterAll(async () => {
  await Promise.all([hub.close(), ...agents.map((agent) => agent.close())]);
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await redis.stop();
});

async function answerTo(target: string, ...lines: string[]): Promise<string> {
  const host = lines.some((line) => line.startsWith('Host:')) ? [] : ['Host: hub.test'];
  const reply = await sendRaw(hub.port, rawRequest([`GET ${target} HTTP/1.1`, ...host, ...lines]));
  return reply.status === 200 ? reply.body.toString() : String(reply.status);
}

test.each<[string, string, string[], string]>([
  ['a field that goes on', '/x-a', ['X-A: 1'], 'special'],
  ['a field that Connection nominates', '/x-a', ['Connection: x-a', 'X-A: 1'], 'plain'],
  [
    'a field that a second Connection nominates',
    '/x-a',
    ['X-a: 1', 'Connection: close', 'CONNECTION: q, X-A'],
    'plain',
  ],
  ['TE', '/te', ['TE: trailers', 'Connection: TE'], 'plain'],
  ['Upgrade that is not taken', '/upgrade', ['Upgrade: h2c', 'Connection: Upgrade'], 'plain'],
  [
    'the authority of the target, not the Host field',
    'http://hub.test/host',
    ['Host: other.test'],
    'special',
  ],
  [
    'both of two fields, of which Node knows one',
    '/type',
    ['Content-Type: a/b', 'Content-Type: c/d'],
    'special',
  ],
  ['the first of two fields alone', '/type', ['Content-Type: a/b'], 'plain'],
  ['two Cookie fields', '/cookie', ['Cookie: a=1', 'Cookie: b=2'], 'special'],
])('a header condition sees the request as it goes on: %s', async (_what, target, lines, expected) => {
  expect(await answerTo(target, ...lines)).toBe(expected);
});

test.each<[string, string[], string]>([
  ['Router-Token', [`Router-Token: ${shop.token}`, 'Connection: Router-Token'], 'special'],
  ['Authorization', [`Authorization: Bearer ${shop.token}`, 'Connection: Authorization'], 'special'],
  // Nobody carries the scope.
  ['Router-Scope', ['Router-Scope: eu', 'Connection: Router-Scope', `Router-Token: ${shop.token}`], '503'],
])(
  '%s is said to the router and counts, although Connection nominates it',
  async (_name, lines, expected) => {
    expect(await answerTo('/guarded', ...lines)).toBe(expected);
  },
);

test('Prefer counts, although Connection nominates it', async () => {
  const lines = ['Prefer: wait=1', 'Connection: Prefer', `Router-Token: ${shop.token}`];
  const reply = await sendRaw(hub.port, rawRequest(['GET /guarded HTTP/1.1', 'Host: hub.test', ...lines]));
  expect(reply.headers).toContain('wait=1');
});
