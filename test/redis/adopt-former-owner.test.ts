import { expect, test } from 'vitest';
import { beginReply } from '../exchange/joined-link.ts';
import { startAsking } from '../support/ask.ts';
import { expectNothingLeft } from '../support/parts.ts';
import { relayWorld, type Relay } from '../support/relays.ts';
import { leftovers } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A relay that has lost a request to another may live, and what it has sent may be on its way: it changes nothing any more.

const LATE_MS = 700;

/** From now on everything that this relay sends arrives late. Returns a function that waits until all of it has. */
function delay({ proxy, link }: Relay): () => Promise<void> {
  proxy.set({ latencyMs: LATE_MS });
  return () => link.close(10_000);
}

test.each([
  ['more of the reply', true, false],
  ['the end of the reply, with its settlement', true, true],
  ['the whole reply, of which nothing had come', false, true],
])('a batch that arrives late brings nothing: %s', async (_what, begins, ends) => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url);
  const first = former.open(await former.next());
  const { reply } = first.exchange;
  if (begins) {
    beginReply(former.link, first.exchange);
    reply.write(Buffer.from('first, '));
    await asked.received('first, ');
  }
  const next = await relay(['x']);
  const arrived = delay(former);
  if (!begins) beginReply(former.link, first.exchange);
  reply.write(Buffer.from('LATE'));
  if (ends) reply.end();

  const opened = await next.adopt(former.placeOf(first));
  if (!opened) throw new Error('it was not adopted');
  if (!begins) beginReply(next.link, opened.exchange);
  opened.exchange.reply.write(Buffer.from('second, '));
  await asked.received('second, ');
  await arrived();

  expect((await leftovers(redis.url, group)).permits).toBe(1);
  expect([opened.settled, opened.stops]).toEqual([0, []]);
  opened.exchange.reply.write(Buffer.from('third'));
  opened.exchange.reply.end();
  const body = `${begins ? 'first, ' : ''}second, third`;
  expect(await asked.outcome).toMatchObject({ outcome: 'answered', status: 200, body });
  await expectNothingLeft(redis.url, group);
});

test.each(['unstarted', 'unreachable', 'failed'] as const)(
  'who requeues a request (%s) after it was adopted does not take it from its new owner',
  async (why) => {
    const { hub, redis, group, leaseMs, relay } = await relayWorld();
    const former = await relay();
    const asked = startAsking(hub.url);
    const request = await former.next();
    const first = former.open(request);
    const next = await relay(['x']);
    const opened = await next.adopt(former.placeOf(first));

    expect(await former.link.requeue(request, why)).toBe(true);

    // It is renewed as long as its new owner has it.
    const until = performance.now() + 2 * leaseMs;
    await waitFor(() => performance.now() > until, { what: 'two leases to pass' });
    opened?.answer('by the next');
    expect(await asked.outcome).toMatchObject({ status: 200, body: 'by the next' });
    await expectNothingLeft(redis.url, group);
  },
);

test('a client that leaves is heard of by the new owner, and the former one changes nothing', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url);
  const first = former.open(await former.next());
  beginReply(former.link, first.exchange);
  first.exchange.reply.write(Buffer.from('first'));
  await asked.received('first');
  former.cutOff();
  const next = await relay(['x']);
  const opened = await next.adopt(former.placeOf(first));

  asked.disconnect();

  await waitFor(() => opened?.stops.includes('cancelled'), { what: 'the new owner to be told' });
  opened?.exchange.reply.close();
  await expectNothingLeft(redis.url, group);
});
