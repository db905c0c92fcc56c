import { request as askFor, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { ROOM_BYTES, WINDOW_BYTES } from '../../router-core/exchange/frame-stream.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { ask } from '../support/ask.ts';
import { waitFor } from '../support/wait.ts';
import { beginReply, joinLink, staysSo, type LinkWorld } from './joined-link.ts';

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

export function windowTests(makeWorld: () => Promise<LinkWorld>): void {
  test('a reply that nobody reads is held up, and goes on when it is read', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 1);
    const head = askWithoutReading(world.url);
    const opened = open(await next());
    const { reply } = opened.exchange;
    beginReply(link, opened.exchange);
    let written = 0;
    const writeAll = () => {
      for (let mayGoOn = true; mayGoOn; written += CHUNK.length) mayGoOn = reply.write(CHUNK);
    };
    // Sockets on the way have buffers of their own: the windows open again until these are full.
    let openings = -1;
    while (openings < opened.writable) {
      openings = opened.writable;
      writeAll();
      await waitFor(() => opened.writable > openings, { what: 'room', timeoutMs: 1_000 }).catch(
        () => undefined,
      );
    }
    expect(written).toBeGreaterThanOrEqual(WINDOW_BYTES);
    expect(written).toBeLessThan(64 * MIB);

    let read = 0;
    (await head).on('data', (chunk: Buffer) => (read += chunk.length));
    await waitFor(() => opened.writable > openings, { what: 'the window to open' });
    writeAll();
    reply.end();
    await waitFor(() => read === written, { what: 'all of the reply' });
    expect(opened.settled).toBe(1);
  });

  test('a body that follows comes when it is asked for, and no faster than it is consumed', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 1);
    const size = 8 * MIB;
    const asked = ask(world.url, { method: 'POST', body: 'x'.repeat(size) });
    const opened = open(await next());
    const { exchange, request } = opened;
    expect(request).toMatchObject({ bodyFollows: true, body: undefined });
    await sleep(200);
    expect(opened.received).toBe(0);

    exchange.reply.start({ owner: link.instance, credit: WINDOW_BYTES });
    await waitFor(() => opened.received >= WINDOW_BYTES, { what: 'the first window' });
    expect(await staysSo(300, () => opened.received <= ROOM_BYTES)).toBe(true);
    let consumed = 0;
    while (opened.received < size) {
      const { received } = opened;
      exchange.consume(received - consumed);
      consumed = received;
      await waitFor(() => opened.received > consumed, { what: 'more' });
      expect(opened.received - consumed).toBeLessThanOrEqual(ROOM_BYTES);
    }
    await waitFor(() => opened.trailers !== undefined, { what: 'the end of the body' });
    expect(opened.received).toBe(size);
    opened.answer('taken');
    expect(await asked).toMatchObject({ status: 200, body: 'taken' });
  });
}

/** Resolves with the head of the reply, of whose body nothing is read yet. */
function askWithoutReading(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const req = askFor(url, { agent: false }, resolve).on('error', reject);
    onTestFinished(() => void req.destroy());
    req.end();
  });
}
