import { expect, test } from 'vitest';
import { WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { beginReply, type Opened } from '../exchange/joined-link.ts';
import { waitFor } from '../support/wait.ts';
import { agentOf, requestOf, scriptedHub, type HubSide } from './support/scripted-hub.ts';

const SIZE = 5 * 1024 * 1024;

/** Bytes of which no two stretches are alike. */
const BODY = Buffer.alloc(SIZE);
for (let at = 0; at < SIZE; at += 4) BODY.writeUInt32BE(at, at);

/** Takes the reply's body from a link, until it has ended or so many bytes are there. Grants as it goes. */
function takeReply(link: HubSide, channel: number, parts: Buffer[], until: number) {
  let heads = 0;
  let end: unknown;
  const bytes = () => parts.reduce((sum, { length }) => sum + length, 0);
  const take = async () => {
    while (end === undefined && bytes() < until) {
      const message = await link.next(MESSAGE.data);
      if (message.json['head'] !== undefined) heads += 1;
      parts.push(message.body);
      end = message.json['end'];
      link.send(MESSAGE.credit, channel, { upTo: bytes() + WINDOW_BYTES });
    }
    return { heads, end };
  };
  return take();
}

function writeAll({ exchange }: Opened): () => void {
  let written = 0;
  return () => {
    for (let isOpen = true; isOpen && written < SIZE; written += 64 * 1024)
      isOpen = exchange.reply.write(BODY.subarray(written, written + 64 * 1024));
    if (written >= SIZE) exchange.reply.end('x-sum\nfive');
  };
}

test('a reply whose link is cut goes on by byte offset: each byte comes once, in order', async () => {
  const hub = await scriptedHub();
  const { link, next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  beginReply(link, opened.exchange);
  const write = writeAll(opened);
  const writing = setInterval(write, 2);
  const parts: Buffer[] = [];
  await takeReply(first, 1, parts, 2_000_000);
  first.ws.terminate();
  const have = Buffer.concat(parts).length;

  const second = await hub.nextLink();
  const hello = await second.next(MESSAGE.hello);
  expect(hello.json['present']).toEqual([{ ticket: 't1', have: 0 }]);
  expect(hello.json['former']).toBe('agent.1');
  second.send(MESSAGE.resumed, 7, { ticket: 't1', have, headSeen: true, upTo: have + WINDOW_BYTES });
  const { heads, end } = await takeReply(second, 7, parts, Infinity);
  clearInterval(writing);
  expect({ heads, end }).toEqual({ heads: 0, end: 'x-sum\nfive' });
  expect(Buffer.concat(parts).equals(BODY)).toBe(true);
  expect(opened).toMatchObject({ settled: 1, stops: [] });
  // Until the hub has said that all of it is safe, it is kept, and so is the link.
  const closing = link.close(10_000);
  second.send(MESSAGE.settled, 7);
  await closing;
});

test('what a hub had seen and lost with itself is sent to the next one: the head, and bytes that no client took', async () => {
  const hub = await scriptedHub();
  const { link, next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  beginReply(link, opened.exchange);
  opened.exchange.reply.write(BODY.subarray(0, 300_000));
  opened.exchange.reply.end();
  await waitFor(() => opened.settled === 1, { what: 'the end to leave' });
  first.ws.terminate();
  const second = await hub.nextLink();
  second.send(MESSAGE.resumed, 1, { ticket: 't1', have: 200_000, headSeen: true, upTo: WINDOW_BYTES });
  await second.next(MESSAGE.data);
  second.ws.terminate();
  const third = await hub.nextLink();
  third.send(MESSAGE.resumed, 1, { ticket: 't1', have: 0, headSeen: false, upTo: WINDOW_BYTES });
  const parts: Buffer[] = [];
  expect(await takeReply(third, 1, parts, Infinity)).toEqual({ heads: 1, end: '' });
  expect(Buffer.concat(parts).equals(BODY.subarray(0, 300_000))).toBe(true);
});

test('an upload whose link is cut goes on where it was', async () => {
  const hub = await scriptedHub();
  const { link, next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1', { follows: true }));
  const opened = open(await next());
  opened.exchange.reply.start({ owner: link.instance, credit: WINDOW_BYTES });
  let consumed = 0;
  const consuming = setInterval(() => {
    opened.exchange.consume(opened.received - consumed);
    consumed = opened.received;
  }, 2);
  /** Sends from an offset up to another one, as it is granted. */
  const sendBody = async (side: HubSide, channel: number, from: number, to: number) => {
    let upTo = 0;
    for (let at = from; at < to; at += 16_384) {
      while (at + 16_384 > upTo) upTo = Number((await side.next(MESSAGE.credit)).json['upTo']);
      side.send(MESSAGE.data, channel, undefined, BODY.subarray(at, Math.min(to, at + 16_384)));
    }
  };
  await sendBody(first, 1, 0, 2_621_440);
  await waitFor(() => opened.received > 1_000_000, { what: 'some of it' });
  first.ws.terminate();

  const second = await hub.nextLink();
  const { json } = await second.next(MESSAGE.hello);
  const [{ have }] = json['present'] as [{ have: number }];
  expect(have).toBe(opened.received);
  second.send(MESSAGE.resumed, 3, { ticket: 't1', have: 0, headSeen: false, upTo: WINDOW_BYTES });
  await sendBody(second, 3, have, SIZE);
  second.send(MESSAGE.data, 3, { end: '' });
  await waitFor(() => opened.trailers !== undefined, { what: 'the end of the body' });
  clearInterval(consuming);
  expect(opened.received).toBe(SIZE);
  expect(opened.stops).toEqual([]);
});

test('a request that is gone is stopped, once', async () => {
  const hub = await scriptedHub();
  const { link, next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  first.ws.terminate();
  const second = await hub.nextLink();
  await second.next(MESSAGE.hello);
  second.send(MESSAGE.gone, 0, { ticket: 't1', why: 'it was given to another agent' });
  await waitFor(() => opened.settled > 0, { what: 'the stop' });
  second.send(MESSAGE.gone, 0, { ticket: 't1' });
  expect(opened).toMatchObject({ settled: 1, stops: ['it was given to another agent'] });
  await link.close(5_000);
});

test('without a link for a lease, what ran is lost, and not presented any more', async () => {
  let isAway = false;
  const hub = await scriptedHub({
    leaseMs: 400,
    refusal: () => (isAway ? 'HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n' : undefined),
  });
  const { next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  isAway = true;
  first.ws.terminate();
  await waitFor(() => opened.settled === 1, { what: 'the loss' });
  expect(opened.stops).toEqual(['lost']);
  isAway = false;
  const { json } = await (await hub.nextLink()).next(MESSAGE.hello);
  expect(json['present']).toEqual([]);
  // A hub takes what a former link had and is not presented for something that never came here.
  expect(json['former']).toBeUndefined();
});

test('a request that its hub cannot go on with is ended there', async () => {
  const hub = await scriptedHub();
  const { link, next, open } = await agentOf([hub]);
  const first = await hub.nextLink();
  first.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  beginReply(link, opened.exchange);
  first.ws.terminate();
  const second = await hub.nextLink();
  second.send(MESSAGE.resumed, 1, { ticket: 't1', have: 9_999, headSeen: true, upTo: WINDOW_BYTES });
  const { json } = await second.next(MESSAGE.data);
  expect(json['failed']).toMatch(/^agent-lost\n/);
  expect(opened).toMatchObject({ settled: 1, stops: ['lost'] });
});
