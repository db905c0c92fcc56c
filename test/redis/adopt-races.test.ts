import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { PulledRequest } from '../../router-core/exchange/agent-link.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { abortRequest } from '../../router-core/redis/control/abort-request.ts';
import { beginReply } from '../exchange/joined-link.ts';
import { ask, startAsking } from '../support/ask.ts';
import { expectNothingLeft, withRedis } from '../support/parts.ts';
import { relayWorld, type Relay } from '../support/relays.ts';
import { waitFor } from '../support/wait.ts';

const post = { method: 'POST', body: 'x' };

test('of two relays that adopt a request at once, one gets it', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const others = [await relay(['x']), await relay(['y'])] as const;
  for (let round = 0; round < 10; round++) {
    const asked = ask(hub.url, post);
    const place = former.placeOf(former.open(await former.next()));
    const found = await Promise.all(others.map((each) => each.adopt(place)));
    const owners = found.filter((each) => each !== undefined);
    expect(owners).toHaveLength(1);
    owners[0]?.answer('by one');
    expect(await asked).toMatchObject({ status: 200, body: 'by one' });
  }
  await expectNothingLeft(redis.url, group);
});

test('an agent that has asked one relay after the other is followed to the last, in whichever order they are heard', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url, post);
  const first = former.open(await former.next());
  const place = former.placeOf(first);
  const second = await relay(['x']);
  const third = await relay(['y']);

  // The answer of the second did not get to the agent: it presents what it was given by the first.
  const adopted = await second.adopt(place, { turn: 1 });
  const opened = await third.adopt(place, { turn: 2 });
  expect(opened?.request.attempt).toBe(3);
  const fourth = await relay();
  expect(await fourth.adopt(place, { turn: 1 })).toBeUndefined();
  expect(await second.adopt(place, { turn: 1 })).toBeUndefined();

  opened?.answer('by the third');
  expect(await asked.outcome).toMatchObject({ status: 200, body: 'by the third' });
  await waitFor(() => adopted?.stops.includes('lost'), { what: 'the second to be told' });
  await expectNothingLeft(redis.url, group);
});

test('an adoption whose answer is lost counts once, and the request is not pulled as a new one', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url);
  const first = former.open(await former.next());
  const next = await relay(['x']);
  const pulled: PulledRequest[] = [];
  let isOver = false;
  onTestFinished(() => void (isOver = true));
  void (async () => {
    while (!isOver) await next.link.pull(4, (request) => pulled.push(request));
  })();
  next.proxy.set({ latencyMs: 200 });
  const adopting = next.adopt(former.placeOf(first));
  await sleep(300);
  next.proxy.reset();
  next.proxy.set({ latencyMs: 0 });

  const opened = await adopting;

  expect(opened?.request).toMatchObject({ attempt: 2 });
  await waitFor(() => next.proxy.connections >= 3, { what: 'all connections to be there again' });
  await sleep(200);
  expect(pulled).toEqual([]);
  opened?.answer('by the next');
  expect(await asked).toMatchObject({ status: 200, body: 'by the next' });
  await expectNothingLeft(redis.url, group);
});

test('requests that its new relay has not pulled yet are neither lost nor skipped', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const adoptedAsked = ask(hub.url, post);
  const first = former.open(await former.next());
  const next = await relay(['x']);
  const asked = Array.from({ length: 6 }, () => ask(hub.url, post));
  const inLane = () =>
    withRedis(redis.url, async (client) => (await client.xlen(`mr:{${group}}:lane:0+x`)) > 1);
  await waitFor(inLane, { what: 'requests in its lane' });

  const opened = await next.adopt(former.placeOf(first));

  opened?.answer('adopted');
  expect(await adoptedAsked).toMatchObject({ status: 200, body: 'adopted' });
  let answered = 0;
  const answerAll = async ({ next: pull, open }: Relay) => {
    for (;;) {
      open(await pull()).answer('pulled');
      answered += 1;
    }
  };
  for (const each of [former, next]) answerAll(each).catch(() => undefined);
  for (const each of asked) expect(await each).toMatchObject({ status: 200, body: 'pulled' });
  expect(answered).toBe(6);
  await expectNothingLeft(redis.url, group);
});

test('a request whose lease has ended is not adopted: its client has been told', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = ask(hub.url, post);
  const first = former.open(await former.next());
  former.cutOff();
  expect(await asked).toMatchObject({ status: 502, headers: { 'router-error': 'agent-lost' } });
  const next = await relay(['x']);
  expect(await next.adopt(former.placeOf(first))).toBeUndefined();
  await expectNothingLeft(redis.url, group);
});

test.each([
  ['without a reply runs again', false],
  ['whose reply has begun before it was adopted does not', true],
])('an adopted request is an orphan when its new owner is lost: one %s', async (_what, begins) => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const asked = startAsking(hub.url);
  const first = former.open(await former.next());
  if (begins) {
    beginReply(former.link, first.exchange);
    first.exchange.reply.write(Buffer.from('first'));
    await asked.received('first');
  }
  const next = await relay(['x']);
  expect(await next.adopt(former.placeOf(first))).toBeDefined();
  next.cutOff();
  const other = await relay();
  const again = other.next();
  if (begins) {
    expect(await asked.outcome).toMatchObject({ outcome: 'broken', body: 'first' });
    again.catch(() => undefined);
  } else {
    other.open(await again).answer('by another');
    expect(await asked.outcome).toMatchObject({ status: 200, body: 'by another' });
  }
  await expectNothingLeft(redis.url, group);
});

test('an answered request is not adopted, nor is one whose client has left', async () => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const next = await relay(['x']);
  const asked = ask(hub.url);
  const answered = former.open(await former.next());
  answered.answer('done');
  await asked;
  expect(await next.adopt(former.placeOf(answered))).toBeUndefined();

  const left = startAsking(hub.url);
  const first = former.open(await former.next());
  former.cutOff();
  left.disconnect();
  await sleep(100);
  expect(await next.adopt(former.placeOf(first))).toBeUndefined();
  await expectNothingLeft(redis.url, group);
});

test.each(['before', 'after'])('an operator ends a request %s it is adopted', async (when) => {
  const { hub, redis, group, relay } = await relayWorld();
  const former = await relay();
  const next = await relay(['x']);
  const client = new Redis(redis.url, { protocol: 2 });
  onTestFinished(() => client.disconnect());
  const asked = ask(hub.url, post);
  const first = former.open(await former.next());
  const { id } = first.request;
  const abort = () => abortRequest(client, { group, id, by: 'somebody' });
  former.cutOff();
  if (when === 'before') await abort();
  const opened = await next.adopt(former.placeOf(first));
  if (when === 'before') expect(opened).toBeUndefined();
  else {
    await abort();
    await waitFor(() => opened?.stops.includes('cancelled'), { what: 'the new owner to be told' });
    opened?.exchange.reply.close();
  }
  expect(await asked).toMatchObject({ status: 503, headers: { 'router-error': 'cancelled' } });
  await expectNothingLeft(redis.url, group);
});
