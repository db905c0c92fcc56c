import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { openRaw, rawRequest, sendRaw } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup, type TestHub } from '../support/router.ts';

let redis: TestRedis;
let hub: TestHub;
const stops: (() => Promise<void>)[] = [];

/** A group whose upstream answers with its label. */
async function startGroup(label: string): Promise<string> {
  const group = uniqueGroup();
  const upstream = await startUpstream((_req, res) => res.end(label));
  const agent = await startTestAgent(redis.url, group, upstream.url);
  stops.push(
    () => agent.close(),
    () => upstream.close(),
  );
  return group;
}

beforeAll(async () => {
  redis = await startRedis();
  const [only, deep, exact] = await Promise.all([
    startGroup('only'),
    startGroup('deep'),
    startGroup('exact'),
  ]);
  hub = await startTestHub(redis.url, only, {
    groups: [
      { name: only, path: '/only/*' },
      { name: deep, path: '/only/deep/*' },
      { name: exact, path: '/only/deep/exact' },
    ],
  });
});
afterAll(async () => {
  await hub.close();
  for (const stop of stops) await stop();
  await redis.stop();
});

const ask = (target: string, method = 'GET') =>
  sendRaw(hub.port, rawRequest([`${method} ${target} HTTP/1.1`, 'Host: h']));

test.each([
  ['/only', 'only'],
  ['/only/', 'only'],
  ['/only?x=/only/deep/', 'only'],
  ['/only/x/y', 'only'],
  ['/only/deeper', 'only'],
  ['/only/deep', 'deep'],
  ['/only/deep/x', 'deep'],
  ['/only/deep/exact/', 'deep'],
  ['/only/deep/exact', 'exact'],
  ['/only/deep/exact?q', 'exact'],
  ['http://any.test/only/deep/exact', 'exact'],
])('%s goes to the group with the most specific path: %s', async (target, label) => {
  expect((await ask(target)).body.toString()).toBe(label);
});

test.each(['/', '/onl', '/onlyx', '/Only/x', '/other', '//only/x', '/?/only/', '/%6fnly/x'])(
  '%s matches no route: 404 no-route',
  async (target) => {
    expectProblem(await ask(target), 404, 'no-route');
  },
);

test('a problem that answers HEAD has no body', async () => {
  const reply = await ask('/other', 'HEAD');
  expect(reply.status).toBe(404);
  expect(reply.body.length).toBe(0);
});

test('a connection is used again after a problem', async () => {
  const client = await openRaw(hub.port);
  for (const [target, status] of [
    ['/other', 404],
    ['/only', 200],
    ['/', 404],
  ] as const) {
    client.write(rawRequest([`GET ${target} HTTP/1.1`, 'Host: h']));
    expect((await client.reply()).status).toBe(status);
  }
  client.close();
});
