import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure, newToken } from '../support/config.ts';
import { recordRequests } from '../support/data-path.ts';
import { rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream } from '../support/router.ts';

// However an app token is written into Authorization: it is recognised, and no upstream sees it.

const { token, stored } = newToken('app');
const { seen, listener } = recordRequests();
let redis: TestRedis;
let port = 0;
let close = async () => {};

beforeAll(async () => {
  redis = await startRedis();
  await configure(redis.url, {
    groups: [{ name: 'g' }],
    routes: [
      { name: 'guarded', groups: [{ group: 'g' }], auth: 'app' },
      { name: 'open', match: { path: '/open' }, groups: [{ group: 'g' }] },
    ],
    apps: [{ name: 'shop', tokens: [stored] }],
  });
  const upstream = await startUpstream(listener);
  const hub = await startTestHub(redis.url, '', { groups: [], drainMs: 300 });
  const agent = await startTestAgent(redis.url, 'g', upstream.url, { drainMs: 300 });
  port = hub.port;
  close = async () => {
    await Promise.all([hub.close(), agent.close()]);
    await upstream.close();
  };
});
afterAll(async () => {
  await close();
  await redis.stop();
});

async function ask(target: string, lines: string[], trailers: string[] = []) {
  const head = [`POST ${target} HTTP/1.1`, 'Host: hub.test', 'Transfer-Encoding: chunked', ...lines];
  const chunks = `2\r\nok\r\n0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
  const reply = await sendRaw(port, rawRequest(head) + chunks);
  const got = reply.status === 200 ? seen.at(-1) : undefined;
  expect(JSON.stringify(got ?? '')).not.toMatch(/mr_app_/i);
  return {
    status: reply.status,
    authorization: valuesOf(got?.rawHeaders ?? [], 'authorization'),
    trailers: got?.rawTrailers,
  };
}

test.each<[string, string[], string[]]>([
  ['a tab behind the scheme', [`Bearer\t${token}`], []],
  ['tabs and blanks', [`BEARER \t  ${token}`], []],
  ['in front of another credential', [`Bearer ${token} , Basic dXNlcjpwdw==`], ['Basic dXNlcjpwdw==']],
  ['behind another credential', [`Basic dXNlcjpwdw==,Bearer ${token}`], ['Basic dXNlcjpwdw==']],
  [
    'between others',
    [`Bearer sk-1, Bearer ${token},Digest a="1", b="2"`],
    ['Bearer sk-1,Digest a="1", b="2"'],
  ],
  ['in the second of two fields', ['Bearer sk-123', `Bearer ${token}`], ['Bearer sk-123']],
  ['in the first of two fields', [`Bearer ${token}`, 'Bearer sk-123'], ['Bearer sk-123']],
])('an app token is recognised and taken out: %s', async (_what, values, left) => {
  const lines = values.map((value) => `Authorization: ${value}`);
  expect(await ask('/', lines)).toMatchObject({ status: 200, authorization: left });
  expect(await ask('/open', lines)).toMatchObject({ status: 200, authorization: left });
});

test.each([
  `Basic ${token}`,
  `Token ${token}`,
  `Bearer "${token}"`,
  `Bearer\u00a0${token}`,
  `Bearer ${token} and more`,
  token,
  `Bearer ${token.toUpperCase()}`,
])('what is no bearer token lets nobody in, and goes on just as little: %#', async (value) => {
  expect((await ask('/', [`Authorization: ${value}`])).status).toBe(401);
  expect(await ask('/open', [`Authorization: ${value}`])).toMatchObject({ status: 200, authorization: [] });
});

test('two Router-Token fields are no token', async () => {
  const line = `Router-Token: ${token}`;
  expect((await ask('/', [line])).status).toBe(200);
  expect((await ask('/', [line, line])).status).toBe(401);
});

test('trailers do not carry what the head may not', async () => {
  const trailers = [
    `Authorization: Bearer ${token}`,
    'Authorization: Bearer sk-1',
    `Router-Token: ${token}`,
    'X-Hop: 1',
    'X-Sum: abc',
  ];
  const { status, trailers: got } = await ask('/open', ['Connection: X-Hop'], trailers);
  expect({ status, got }).toEqual({ status: 200, got: ['X-Sum', 'abc'] });
});
