import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FrameParts } from '../../router-core/exchange/frames.ts';
import { startGuardedRedis, type GuardedRedis } from '../support/agent-logins.ts';
import { valuesOf } from '../support/raw-http.ts';
import { waitFor } from '../support/wait.ts';
import { replyHead, wholeReply } from './support/by-hand.ts';
import { HONEST_REPLY, replyAndSettle, twoGroupsHere } from './support/two-groups.ts';

// Frames of a reply in an order that no honest agent sends: they end that reply, visibly, or are ignored, and nothing else.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

const bytes = (text: string) => [Buffer.from(text, 'latin1')];
const head = replyHead(200);

test.each<[what: string, frames: FrameParts[]]>([
  ['a body before its head', [{ body: bytes('early') }, { head }]],
  ['an end without a head', [{ end: '' }]],
  ['a body and an end without a head', [{ body: bytes('all'), end: '' }]],
  ['trailers without a head', [{ end: 'X\ny' }]],
])('is a failed upstream before the head: %s', async (_what, frames) => {
  const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  await replyAndSettle(thief, request, frames);
  expect((await client.reply()).status).toBe(502);
  expect(await askHonest(client)).toBe(HONEST_REPLY);
  expect(await invalidReplies()).toBe(1);
});

test('a request is moved no more often than it may be handed over', async () => {
  const { thief, ask, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  await thief.reply(request, [{ stop: true }]);
  await thief.reply({ ...request, attempt: 2 }, [{ stop: true }]);
  expect((await client.reply()).status).toBe(502);
  expect(await invalidReplies()).toBe(1);
});

test.each<[what: string, frames: FrameParts[]]>([
  ['a second head', [{ head }, { body: bytes('forged') }]],
  ['a second head with a body', [{ head, body: bytes('forged'), end: '' }]],
  ['a whole reply', [wholeReply('thief', [], 'forged')]],
  ['the news that it is moved', [{ stop: true }]],
  ['a trailer with a control character', [{ end: 'X-A\na\x01b' }]],
  ['a trailer with an escape sequence', [{ end: 'X-A\n\x7f' }]],
  ['a trailer that ends its line', [{ end: 'X-A\na\rSet-Cookie: b' }]],
  ['a trailer without a name', [{ end: '\nvalue' }]],
  ['a trailer without a value', [{ end: 'X-A' }]],
])('breaks the connection off after the head: %s', async (_what, frames) => {
  const { hub, thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask('GET', ['TE: trailers', 'Connection: TE']);
  await replyAndSettle(thief, request, [{ owner: thief.instance, head, body: bytes('begun') }, ...frames]);
  await client.ended;
  expect(client.received()).toMatch(/begun\r\n$/);
  expect(await invalidReplies()).toBe(1);
  const other = await ask();
  await replyAndSettle(thief, other.request, [wholeReply(thief.instance, [], 'fine')]);
  expect((await other.client.reply()).body.toString()).toBe('fine');
  expect(await askHonest(other.client)).toBe(HONEST_REPLY);
  expect((await fetch(`${hub.url}/_router/ready`)).status).toBe(200);
});

test.each<[what: string, frames: FrameParts[]]>([
  ['an end', [{ end: '' }]],
  ['trailers', [{ end: 'X-A\n\x01' }]],
  ['a body', [{ body: bytes('forged') }]],
  ['a head', [{ head }]],
  ['a failure', [{ failed: 'deadline\nno' }]],
  ['the news that it is moved', [{ stop: true }]],
])('%s after the end is nothing any more', async (_what, frames) => {
  const { thief, ask, askHonest } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  await replyAndSettle(thief, request, [
    { owner: thief.instance, head, body: bytes('whole') },
    { end: '' },
    ...frames,
  ]);
  expect((await client.reply()).body.toString()).toBe('whole');
  expect(await askHonest(client)).toBe(HONEST_REPLY);
  expect(client.received()).not.toContain('forged');
});

test('trailers that mean something only in front of a body are taken out, the others go on', async () => {
  const { thief, ask } = await twoGroupsHere(redis);
  const { client, request } = await ask('GET', ['TE: trailers', 'Connection: TE']);
  const end = ['X-Sum', 'abc', 'Set-Cookie', 'a=b', 'Content-Length', '3', 'Router-Error', 'x'].join('\n');
  await replyAndSettle(thief, request, [{ owner: thief.instance, head, body: bytes('body') }, { end }]);
  expect((await client.reply()).trailers).toEqual(['X-Sum', 'abc']);
});

test('a switch without an Upgrade field is a failed upstream; with one, the connection is the hub’s to speak of', async () => {
  const asked = ['Connection: Upgrade', 'Upgrade: odd'];
  const { thief, ask, invalidReplies } = await twoGroupsHere(redis);
  const bare = await ask('GET', asked);
  await thief.reply(bare.request, [{ owner: thief.instance, head: replyHead(101, ['X: y']) }]);
  expect((await bare.client.reply()).status).toBe(502);
  expect(await invalidReplies()).toBe(1);

  const { client, request } = await ask('GET', asked);
  const lines = ['Upgrade: odd', 'Connection: close', 'Content-Length: 5'];
  await thief.reply(request, [
    { owner: thief.instance, head: replyHead(101, lines) },
    { body: bytes('hello') },
  ]);
  const { status, headers } = await client.reply();
  expect([status, valuesOf(headers, 'connection'), valuesOf(headers, 'content-length')]).toEqual([
    101,
    ['Upgrade'],
    [],
  ]);
  await waitFor(() => client.received().endsWith('hello'), { what: 'the bytes after the switch' });
});

test('times that are none do not spoil the books of their group', async () => {
  const { hub, thief, ask } = await twoGroupsHere(redis);
  for (const upstreamMs of ['NaN', '-1', 'Infinity', '1e308']) {
    const { client, request } = await ask();
    const text = `200\nOK\n${upstreamMs}\n`;
    await replyAndSettle(thief, request, [{ owner: thief.instance, head: text, body: bytes('ok'), end: '' }]);
    const { status, headers } = await client.reply();
    expect([upstreamMs, status]).toEqual([upstreamMs, upstreamMs === '1e308' ? 200 : 502]);
    expect(valuesOf(headers, 'server-timing').join()).not.toMatch(/NaN|Infinity|e\+/);
  }
  expect((await fetch(`${hub.url}/_router/ready`)).status).toBe(200);
});
