import { expect, test } from 'vitest';
import { ROOM_BYTES, WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { waitFor } from '../support/wait.ts';
import { joinAgent, joinHub, type HubWorld } from './joined-hub.ts';
import { beginReply, staysSo } from './joined-link.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const SIZE = 4 * 1024 * 1024;

export function hubReplyTests(makeWorld: () => Promise<HubWorld>): void {
  test('a reply comes once and in order: its owner and head, its body, its trailers', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send();
    const { exchange } = open(await next());
    beginReply(link, exchange);
    for (let i = 0; i < 100; i += 1) exchange.reply.write(Buffer.from(`${i} `));
    exchange.reply.end('x-sum\n1');
    await waitFor(sent.isEnded, { what: 'the end' });

    const [first] = sent.replies;
    expect(first?.owner).toBe(link.instance);
    expect(first?.head).toMatch(/^200\nOK\n/);
    expect(sent.text()).toBe(Array.from({ length: 100 }, (_, i) => `${i} `).join(''));
    expect(sent.replies.map(({ end }) => end).filter((end) => end !== undefined)).toEqual(['x-sum\n1']);
    expect(sent.exchange.heard).toBeGreaterThan(0);
    expect(sent.faults).toEqual([]);
  });

  test('interim heads come before the head', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send();
    const opened = open(await next());
    opened.exchange.reply.interim(link.instance, '103\nEarly Hints\n0\n');
    await waitFor(() => sent.replies.length > 0, { what: 'the interim head' });
    expect(sent.replies[0]?.head).toMatch(/^103\n/);
    opened.answer('done');
    await waitFor(sent.isEnded, { what: 'the end' });
    expect(sent.text()).toBe('done');
  });

  test('a failure of the agent comes with its code', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const sent = send();
    open(await next()).exchange.reply.fail('upstream-failed', 'it says nothing');
    await waitFor(() => sent.failures.length > 0, { what: 'the failure' });
    expect(sent.failures).toEqual(['upstream-failed']);
    expect(sent.replies.filter(({ head }) => head !== undefined)).toEqual([]);
  });

  test('a reply comes no faster than its client takes it', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send();
    const opened = open(await next());
    const { reply } = opened.exchange;
    beginReply(link, opened.exchange);
    let written = 0;
    const writeOn = () => {
      for (let mayGoOn = true; mayGoOn && written < SIZE; written += CHUNK.length)
        mayGoOn = reply.write(CHUNK);
    };
    writeOn();
    const received = () => sent.replies.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
    await waitFor(() => received() >= WINDOW_BYTES, { what: 'the first window' });
    expect(await staysSo(300, () => received() <= ROOM_BYTES && opened.writable === 0)).toBe(true);

    for (let taken = 0; taken < SIZE;) {
      const grant = received() - taken;
      const { writable } = opened;
      sent.exchange.consumed(grant);
      taken += grant;
      if (taken === SIZE) break;
      if (written < SIZE) await waitFor(() => opened.writable > writable, { what: 'the window to open' });
      writeOn();
      await waitFor(() => received() > taken, { what: 'more' });
    }
    reply.end();
    await waitFor(sent.isEnded, { what: 'the end' });
    expect(received()).toBe(SIZE);
  });

  test('a body that follows goes when the agent asks for it, and no faster than it is consumed', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send({ trailers: undefined });
    const request = await next();
    expect(request).toMatchObject({ bodyFollows: true, body: undefined });
    const opened = open(request);
    expect(await staysSo(200, () => sent.asked.length === 0)).toBe(true);

    opened.exchange.reply.start({ owner: link.instance, credit: WINDOW_BYTES });
    await waitFor(() => sent.asked.length > 0, { what: 'the agent to ask' });
    expect(sent.asked).toEqual([WINDOW_BYTES]);
    let openings = 0;
    const upload = sent.exchange.openUpload(WINDOW_BYTES, () => (openings += 1));
    let written = 0;
    for (let mayGoOn = true; mayGoOn; written += CHUNK.length) mayGoOn = upload.write(CHUNK);
    await waitFor(() => opened.received === written, { what: 'the first window' });
    expect(written).toBeLessThanOrEqual(ROOM_BYTES);
    expect(await staysSo(200, () => openings === 0)).toBe(true);

    opened.exchange.consume(written);
    await waitFor(() => openings > 0, { what: 'the window to open' });
    upload.write(CHUNK);
    upload.end('x-sum\n1');
    await waitFor(() => opened.trailers !== undefined, { what: 'the end of the body' });
    expect(opened.trailers).toBe('x-sum\n1');
    expect(opened.received).toBe(written + CHUNK.length);
    opened.answer('taken');
    await waitFor(sent.isEnded, { what: 'the reply' });
  });

  test('who has closed an exchange hears nothing more of it', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send();
    const opened = open(await next());
    beginReply(link, opened.exchange);
    await waitFor(() => sent.replies.length > 0, { what: 'the head' });
    void sent.exchange.cancel();
    sent.close();
    const heard = sent.replies.length;
    opened.exchange.reply.write(Buffer.from('late'));
    opened.exchange.reply.end();
    expect(await staysSo(300, () => sent.replies.length === heard)).toBe(true);
    expect(sent.failures).toEqual([]);
  });
}
