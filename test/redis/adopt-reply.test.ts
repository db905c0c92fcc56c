import { expect, test } from 'vitest';
import { WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { beginReply } from '../exchange/joined-link.ts';
import { ask, startAsking } from '../support/ask.ts';
import { expectNothingLeft } from '../support/parts.ts';
import { relayWorld } from '../support/relays.ts';
import { waitFor } from '../support/wait.ts';

// An agent that has lost its link presents its requests to another relay, which goes on with them.

test.each([
  ['another lane', ['x']],
  ['the same lane', []],
])('a request without a reply yet goes on at a relay of %s', async (_which, scopes) => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url, { method: 'POST', body: 'x' });
  const first = former.open(await former.next());
  const next = await relay(scopes);

  const opened = await next.adopt(former.placeOf(first));

  expect(opened?.request).toMatchObject({ id: first.request.id, attempt: 2 });
  expect(opened?.point).toEqual({ received: 0, headSeen: false, upTo: WINDOW_BYTES, sent: 0, asked: 0 });
  opened?.answer('by the next');
  expect(await asked).toMatchObject({ status: 200, body: 'by the next' });
  // The former owner lives: it hears of it at once.
  await waitFor(() => first.stops.length > 0, { what: 'the former relay to be told' });
  expect([first.stops, first.settled, opened?.settled]).toEqual([['lost'], 1, 1]);
  await expectNothingLeft(redis.url, group);
});

test('a reply goes on at the byte that its client lacks, without a second head', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url);
  const first = former.open(await former.next());
  beginReply(former.link, first.exchange);
  first.exchange.reply.write(Buffer.from('the first part, '));
  await asked.received('the first part, ');
  former.cutOff();
  // These never get to Redis: the agent has them still.
  first.exchange.reply.write(Buffer.from('lost'));
  const next = await relay(['x']);

  const opened = await next.adopt(former.placeOf(first));

  expect(opened?.point).toMatchObject({ received: 16, headSeen: true, upTo: 16 + WINDOW_BYTES });
  opened?.exchange.reply.write(Buffer.from('the second part'));
  opened?.exchange.reply.end();
  expect(await asked.outcome).toMatchObject({
    outcome: 'answered',
    status: 200,
    body: 'the first part, the second part',
  });
  await expectNothingLeft(redis.url, group);
});

test('a large reply goes on from relay to relay, and no byte is lost or doubled', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const body = Buffer.alloc(8 * WINDOW_BYTES);
  for (let at = 0; at < body.length; at += 4) body.writeUInt32BE(at, at);
  const asked = startAsking(hub.url);
  let owner = await relay();
  let opened = owner.open(await owner.next());
  beginReply(owner.link, opened.exchange);
  let sent = 0;
  for (let turn = 1; sent < body.length; turn++) {
    const { reply } = opened.exchange;
    const until = Math.min(body.length, sent + 2 * WINDOW_BYTES);
    let openings = opened.writable;
    while (sent < until) {
      const chunk = body.subarray(sent, sent + 50_000);
      sent += chunk.length;
      if (reply.write(chunk)) continue;
      await waitFor(() => opened.writable > openings, { what: 'the window to open' });
      openings = opened.writable;
    }
    if (sent === body.length) break;
    // Somewhere in the middle of what is on its way.
    owner.proxy.set({ refusing: true });
    await owner.proxy.resetAfter(1);
    const next = await relay(turn % 2 ? ['x'] : []);
    const adopted = await next.adopt(owner.placeOf(opened), { turn });
    if (!adopted) throw new Error('it was not adopted');
    sent = adopted.point.received;
    expect(adopted.point.upTo).toBeGreaterThanOrEqual(sent);
    opened = adopted;
    owner = next;
  }
  opened.exchange.reply.end();
  const outcome = await asked.outcome;
  expect(Buffer.from(outcome.body, 'latin1').equals(body)).toBe(true);
  await expectNothingLeft(redis.url, group);
});

test('a relay hears what the store has of a reply: the rest has to be kept', async () => {
  const { hub, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url);
  const first = former.open(await former.next());
  beginReply(former.link, first.exchange);
  first.exchange.reply.write(Buffer.from('first'));
  await waitFor(() => first.stored.bytes === 5, { what: 'the store to have it' });
  former.proxy.set({ refusing: true });
  former.proxy.reset();
  first.exchange.reply.write(Buffer.from(', second'));
  first.exchange.reply.end();
  // Its slot is free: Redis will have the end, unless this process dies.
  await waitFor(() => first.settled === 1, { what: 'the settlement to be on its way' });
  expect(first.stored).toEqual({ bytes: 5, isSettled: false });
  former.proxy.set({ refusing: false });
  expect(await asked.outcome).toMatchObject({ body: 'first, second' });
  await waitFor(() => first.stored.isSettled, { what: 'the store to have all' });
  expect(first.stored.bytes).toBe(13);
});
