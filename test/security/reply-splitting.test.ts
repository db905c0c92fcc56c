import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGuardedRedis, type GuardedRedis } from '../support/agent-logins.ts';
import { waitFor } from '../support/wait.ts';
import { replyHead } from './support/by-hand.ts';
import { HONEST_REPLY, replyAndSettle, twoGroupsHere } from './support/two-groups.ts';

// An agent's reply ends where its head says. What is more, or less, never becomes another client's reply.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

const SECOND = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
const bytes = (text: string) => [Buffer.from(text, 'latin1')];

test('a reply ends for its client when its length is reached, though its agent holds it: the next one is not its', async () => {
  const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  await thief.reply(request, [
    { owner: thief.instance, head: replyHead(200, ['Content-Length: 2']) },
    { body: bytes('ok') },
  ]);
  expect((await client.reply()).body.toString()).toBe('ok');
  const next = askHonest(client);
  await thief.reply(request, [{ body: bytes(SECOND) }], 3);
  expect(await next).toBe(HONEST_REPLY);
  // The books are right as well: one reply too long, one connection that lives on.
  await waitFor(async () => (await invalidReplies()) === 1, { what: 'the excess to be counted' });
  expect(await askHonest(client)).toBe(HONEST_REPLY);
  expect(client.received()).not.toContain('forged');
});

test.each<[what: string, method: string, lines: string[], status: number]>([
  ['to HEAD', 'HEAD', ['Content-Length: 50'], 200],
  ['204', 'GET', [], 204],
  ['204 with a length', 'GET', ['Content-Length: 0'], 204],
  ['304', 'GET', ['Content-Length: 50'], 304],
  ['of no bytes', 'GET', ['Content-Length: 0'], 200],
])(
  'a reply without a body ends with its head, though its agent holds it: %s',
  async (_what, method, lines, status) => {
    const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
    const { client, request } = await ask(method);
    await thief.reply(request, [{ owner: thief.instance, head: replyHead(status, lines) }]);
    const reply = await client.reply({ head: method === 'HEAD' });
    expect(reply.status).toBe(status);
    if (status === 204) expect(reply.headers.join().toLowerCase()).not.toContain('content-length');
    const next = askHonest(client);
    await thief.reply(request, [{ body: bytes(SECOND) }], 2);
    expect(await next).toBe(HONEST_REPLY);
    await waitFor(async () => (await invalidReplies()) === 1, { what: 'the body to be counted' });
    expect(client.received()).not.toContain('forged');
  },
);

test.each<[what: string, method: string, status: number, lines: string[], body: string]>([
  ['too long', 'GET', 200, ['Content-Length: 2'], `ok${SECOND}`],
  ['too short', 'GET', 200, ['Content-Length: 200'], 'ok'],
  ['a body for HEAD', 'HEAD', 200, ['Content-Length: 2'], SECOND],
  ['a body with 204', 'GET', 204, [], SECOND],
  ['a body with 304', 'GET', 304, ['Content-Length: 2'], SECOND],
  ['no bytes announced', 'GET', 200, ['Content-Length: 0'], SECOND],
])('a reply whose body is not as its head says is refused whole, or broken off: %s', async (...row) => {
  const [, method, status, lines, body] = row;
  const { thief, ask, askHonest, invalidReplies, logged } = await twoGroupsHere(redis);
  const head = replyHead(status, lines);
  const whole = await ask(method);
  await replyAndSettle(thief, whole.request, [{ owner: thief.instance, head, body: bytes(body), end: '' }]);
  expect((await whole.client.reply({ head: method === 'HEAD' })).status).toBe(502);
  expect(await askHonest(whole.client)).toBe(HONEST_REPLY);

  const streamed = await ask(method);
  await replyAndSettle(thief, streamed.request, [
    { owner: thief.instance, head, body: bytes(body) },
    { end: '' },
  ]);
  await streamed.client.ended;
  expect(whole.client.received() + streamed.client.received()).not.toContain('forged');
  expect(await invalidReplies()).toBe(2);
  expect(logged.filter(({ msg }) => msg.includes('a reply that is not valid'))).toHaveLength(2);
});

test.each<[what: string, lines: string[], status?: number]>([
  ['two lengths', ['Content-Length: 2', 'Content-Length: 3']],
  ['a list of lengths', ['Content-Length: 2, 3']],
  ['a length that is no number', ['Content-Length: 0x2']],
  ['a negative length', ['Content-Length: -2']],
  ['a length without digits', ['Content-Length: ']],
  ['a length beyond all numbers', [`Content-Length: 2${'0'.repeat(30)}`]],
  ['a transfer coding', ['Transfer-Encoding: chunked']],
  ['a transfer coding beside a length', ['transfer-encoding: chunked', 'Content-Length: 2']],
  ['Connection', ['Connection: keep-alive']],
  ['Keep-Alive', ['Keep-Alive: timeout=9999']],
  ['Proxy-Connection', ['Proxy-Connection: keep-alive']],
  ['Upgrade', ['Upgrade: h2c']],
  ['a field of the router', ['Router-Executed: no']],
  ['a bare line feed', ['X: y\nTransfer-Encoding: chunked']],
  ['a second head', ['X: y', '', 'HTTP/1.1 200 OK']],
  ['a switch that nobody has asked for', ['Connection: Upgrade', 'Upgrade: websocket'], 101],
  ['an interim reply', [], 100],
  ['early hints', [], 103],
])(
  'a head that frames, or speaks of the connection, is a failed upstream: %s',
  async (_what, lines, status = 200) => {
    const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
    const { client, request } = await ask();
    const head = replyHead(status, lines);
    await replyAndSettle(thief, request, [{ owner: thief.instance, head, body: bytes('ok'), end: '' }]);
    const reply = await client.reply();
    expect([reply.status, reply.headers]).toEqual([
      502,
      expect.arrayContaining(['upstream-failed', 'maybe']),
    ]);
    expect(await askHonest(client)).toBe(HONEST_REPLY);
    expect(await invalidReplies()).toBe(1);
  },
);

test('the same length said twice is said once', async () => {
  const { thief, ask, askHonest } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  const head = replyHead(200, ['Content-Length: 2, 2', 'X: y', 'content-length: 02']);
  await replyAndSettle(thief, request, [{ owner: thief.instance, head, body: bytes('ok') }, { end: '' }]);
  expect((await client.reply()).body.toString()).toBe('ok');
  expect(client.received().match(/content-length: .*/gi)).toEqual(['Content-Length: 2']);
  expect(await askHonest(client)).toBe(HONEST_REPLY);
});
