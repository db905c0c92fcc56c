import { expect, test } from 'vitest';
import { WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import type { Opened } from '../exchange/joined-link.ts';
import { ask, startAsking } from '../support/ask.ts';
import { expectNothingLeft } from '../support/parts.ts';
import { relayWorld } from '../support/relays.ts';
import { waitFor } from '../support/wait.ts';

// The body of a request goes on at another relay from the byte that its agent lacks, whatever the former relay has read.

const BODY = Buffer.alloc(6 * WINDOW_BYTES);
for (let at = 0; at < BODY.length; at += 4) BODY.writeUInt32BE(at / 4, at);

const upload = { method: 'POST', body: BODY.toString('latin1'), headers: { 'content-type': 'x' } };
const SENT = Buffer.from(upload.body);

/** Consumes all that comes, from this count on, until so many bytes are there. Resolves with how many it has consumed. */
async function consumeUntil(opened: Opened, before: number, total: number): Promise<number> {
  let consumed = 0;
  while (before + opened.received < total) {
    await waitFor(() => opened.received > consumed, { what: 'more of the body' });
    opened.exchange.consume(opened.received - consumed);
    consumed = opened.received;
  }
  return consumed;
}

const bytesOf = (opened: Opened) => Buffer.concat(opened.chunks);

test.each([
  ['a piece', 100_000],
  ['all that it has read', WINDOW_BYTES],
])('what was lost in the former relay comes again: %s', async (_what, lost) => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url, upload);
  const first = former.open(await former.next());
  first.exchange.reply.start({ owner: former.link.instance, credit: WINDOW_BYTES });
  const consumed = await consumeUntil(first, 0, 2 * WINDOW_BYTES);
  // The agent gets only a part of the window that is open now.
  const isFull = () => first.received >= consumed + (WINDOW_BYTES * 3) / 4;
  await waitFor(isFull, { what: 'the window to be full' });
  const have = Math.max(consumed, first.received - lost);
  former.cutOff();
  const next = await relay(['x']);

  const opened = await next.adopt(former.placeOf(first), { have });

  if (!opened) throw new Error('it was not adopted');
  expect(opened.point.asked).toBeGreaterThanOrEqual(2 * WINDOW_BYTES);
  // The agent says again up to where it takes the body: what it had said before may have been lost.
  opened.exchange.consume(Math.max(0, have + WINDOW_BYTES - opened.point.asked));
  await consumeUntil(opened, have, SENT.length);
  await waitFor(() => opened.trailers !== undefined, { what: 'the end of the body' });
  expect(bytesOf(first).subarray(0, have).equals(SENT.subarray(0, have))).toBe(true);
  expect(bytesOf(opened).equals(SENT.subarray(have))).toBe(true);
  opened.answer('taken');
  expect(await asked).toMatchObject({ status: 200, body: 'taken' });
  await expectNothingLeft(redis.url, group);
});

test('a trim of the former relay that arrives late takes nothing that is needed', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url, upload);
  const first = former.open(await former.next());
  first.exchange.reply.start({ owner: former.link.instance, credit: WINDOW_BYTES });
  await waitFor(() => first.received >= WINDOW_BYTES, { what: 'the window to be full' });
  const next = await relay(['x']);
  former.proxy.set({ latencyMs: 500 });
  first.exchange.consume(WINDOW_BYTES / 2);

  const have = WINDOW_BYTES / 2;
  const opened = await next.adopt(former.placeOf(first), { have });
  if (!opened) throw new Error('it was not adopted');
  await former.link.close(10_000);
  opened.exchange.consume(have + WINDOW_BYTES - opened.point.asked);
  await consumeUntil(opened, have, SENT.length);
  expect(bytesOf(opened).equals(SENT.subarray(have))).toBe(true);
  opened.answer('taken');
  expect(await asked).toMatchObject({ status: 200, body: 'taken' });
  await expectNothingLeft(redis.url, group);
});

test('the end of a body that was lost in the former relay comes again', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const body = 'x'.repeat(200_000);
  const asked = ask(hub.url, { method: 'POST', body });
  const first = former.open(await former.next());
  first.exchange.reply.start({ owner: former.link.instance, credit: WINDOW_BYTES });
  await waitFor(() => first.trailers !== undefined, { what: 'the end' });
  former.cutOff();
  const next = await relay(['x']);
  const opened = await next.adopt(former.placeOf(first), { have: body.length });
  await waitFor(() => opened?.trailers !== undefined, { what: 'the end again' });
  expect(opened?.received).toBe(0);
  opened?.answer('taken');
  expect(await asked).toMatchObject({ status: 200, body: 'taken' });
  await expectNothingLeft(redis.url, group);
});

test('an agent that lacks more than there is ends its request with an error', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url, upload);
  const first = former.open(await former.next());
  first.exchange.reply.start({ owner: former.link.instance, credit: WINDOW_BYTES });
  await consumeUntil(first, 0, 2 * WINDOW_BYTES);
  former.cutOff();
  const next = await relay(['x']);
  expect(await next.adopt(former.placeOf(first), { have: 1 })).toBeUndefined();
  expect(await asked).toMatchObject({ status: 502, headers: { 'router-error': 'agent-lost' } });
  await expectNothingLeft(redis.url, group);
});

test('a client that leaves while its request is being adopted leaves nothing behind', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const next = await relay(['x']);
  for (let round = 0; round < 10; round++) {
    // All of it fits into the window: a hub that reads on hears at once that its client leaves.
    const asked = startAsking(hub.url, { method: 'POST', body: 'x'.repeat(200_000) });
    const first = former.open(await former.next());
    first.exchange.reply.start({ owner: former.link.instance, credit: WINDOW_BYTES });
    await waitFor(() => first.received > 0, { what: 'the body to come' });
    asked.disconnect();
    const opened = await next.adopt(former.placeOf(first), { have: 0 });
    if (!opened) continue;
    await waitFor(() => opened.stops.length > 0, { what: 'its new owner to be told' });
    opened.exchange.reply.close();
  }
  await expectNothingLeft(redis.url, group);
});
