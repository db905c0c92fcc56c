import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FrameParts } from '../../router-core/exchange/frames.ts';
import { MOST_INTERIM_HEADS } from '../../router-core/exchange/heads.ts';
import { startGuardedRedis, type GuardedRedis } from '../support/agent-logins.ts';
import { replyHead } from './support/by-hand.ts';
import { HONEST_REPLY, replyAndSettle, twoGroupsHere } from './support/two-groups.ts';

// An interim head of an agent is one to its client, too: it brings no second reply and no body, and there are not many.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

const FORGED = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
const OK: FrameParts = { head: replyHead(200, ['Content-Length: 2']), body: [Buffer.from('ok')], end: '' };
const hints = (lines: string[] = ['Link: </a>']) => ({ head: replyHead(103, lines, 'Early Hints') });

test('as many as an honest agent sends go on', async () => {
  const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  const first = { owner: thief.instance, ...hints() };
  const others = Array.from({ length: MOST_INTERIM_HEADS - 1 }, () => hints());
  await replyAndSettle(thief, request, [first, ...others, OK]);
  const { status, interim } = await client.reply();
  expect([status, interim.length]).toEqual([200, MOST_INTERIM_HEADS]);
  expect(await askHonest(client)).toBe(HONEST_REPLY);
  expect(await invalidReplies()).toBe(0);
});

test.each<[what: string, frames: FrameParts[]]>([
  ['a length', [hints(['Content-Length: 48'])]],
  ['a length, oddly spelt', [hints(['content-LENGTH: 48'])]],
  ['a transfer coding', [hints(['Transfer-Encoding: chunked'])]],
  ['an announcement of trailers', [hints(['Trailer: X'])]],
  ['Connection', [hints(['Connection: close'])]],
  ['a field of the router', [hints(['Router-Executed: no'])]],
  ['a second head', [hints(['X: y', '', FORGED])]],
  ['a bare line feed', [hints(['X: y\nContent-Length: 3'])]],
  ['a reason that ends its line', [{ head: replyHead(103, [], `x\r\n\r\n${FORGED}`) }]],
  ['a head without end', [hints([`X: ${'y'.repeat(200_000)}`])]],
  ['100, which the hub sends itself', [{ head: replyHead(100, [], 'Continue') }]],
  ['a status below all others', [{ head: '1.5\nx\n1\n' }]],
  ['a body', [{ ...hints(), body: [Buffer.from(FORGED)] }]],
  ['an end', [{ ...hints(), end: '' }]],
  ['one more than there may be', Array.from({ length: MOST_INTERIM_HEADS + 1 }, () => hints())],
])('an interim head is refused with %s, and the connection goes on', async (_what, [first, ...others]) => {
  const { thief, ask, askHonest, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  await replyAndSettle(thief, request, [{ owner: thief.instance, ...first }, ...others, OK]);
  const { status, headers } = await client.reply();
  expect([status, headers]).toEqual([502, expect.arrayContaining(['upstream-failed', 'maybe'])]);
  expect(await askHonest(client)).toBe(HONEST_REPLY);
  expect(client.received()).not.toContain('forged');
  expect(await invalidReplies()).toBe(1);
});

test('one behind the head of its reply breaks the reply off', async () => {
  const { thief, ask, invalidReplies } = await twoGroupsHere(redis);
  const { client, request } = await ask();
  const head = replyHead(200, ['Content-Length: 50']);
  await replyAndSettle(thief, request, [{ owner: thief.instance, head }, hints()]);
  await client.ended;
  expect(client.received()).not.toContain('103');
  expect(await invalidReplies()).toBe(1);
});
