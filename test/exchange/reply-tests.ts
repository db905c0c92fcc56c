import { expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { waitFor } from '../support/wait.ts';
import { beginReply, joinLink, staysSo, type LinkWorld } from './joined-link.ts';

const post = { method: 'POST', body: 'x' };

export function replyTests(makeWorld: () => Promise<LinkWorld>): void {
  test('a reply settles once, whatever is said after its end, and frees its slot', async () => {
    const world = await makeWorld();
    const { next, open } = await joinLink(world, 1);
    const asked = [ask(`${world.url}/1`, post), ask(`${world.url}/2`, post)];
    for (let i = 0; i < 2; i += 1) {
      const opened = open(await next());
      opened.answer('done');
      opened.exchange.reply.fail('upstream-failed', 'too late');
      opened.exchange.reply.end();
      opened.exchange.reply.close();
      await waitFor(() => opened.settled > 0, { what: 'the settlement' });
      expect(await staysSo(100, () => opened.settled === 1)).toBe(true);
      expect(opened.stops).toEqual([]);
    }
    for (const each of asked) expect(await each).toMatchObject({ status: 200, body: 'done' });
  });

  test('a reply that fails is an error of the table to its client, or a broken connection after its head', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 1);
    const before = ask(world.url, post);
    open(await next()).exchange.reply.fail('upstream-failed', 'it says nothing');
    expect(await before).toMatchObject({ status: 502, headers: { 'router-error': 'upstream-failed' } });

    const after = startAsking(world.url, post);
    const { exchange } = open(await next());
    beginReply(link, exchange);
    exchange.reply.write(Buffer.from('a part'));
    await after.received('a part');
    exchange.reply.fail('upstream-failed', 'it has broken off');
    expect(await after.outcome).toMatchObject({ outcome: 'broken', status: 200 });
  });

  test('a client that disconnects is heard of within 100 ms, and its slot is free after that', async () => {
    const world = await makeWorld();
    const { next, open } = await joinLink(world, 1);
    let fewestMs = Infinity;
    // A machine that is held up is not what is measured: the quickest of three counts.
    for (let i = 0; i < 3 && fewestMs >= 100; i += 1) {
      const asked = startAsking(world.url, post);
      const opened = open(await next());
      const at = performance.now();
      asked.disconnect();
      await waitFor(() => opened.stops.length > 0, { what: 'the stop' });
      fewestMs = Math.min(fewestMs, performance.now() - at);
      expect(opened.stops).toEqual(['cancelled']);
      opened.exchange.reply.close();
      await waitFor(() => opened.settled === 1, { what: 'the settlement' });
    }
    expect(fewestMs).toBeLessThan(100);
    const following = ask(world.url);
    open(await next()).answer('free');
    expect((await following).body).toBe('free');
  });
}

export function givingBackTests(makeWorld: () => Promise<LinkWorld>): void {
  test('unstarted or unreachable, any request is handed out again, and it costs no attempt', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 1);
    const asked = ask(world.url, post);
    for (const why of ['unstarted', 'unreachable', 'unstarted', 'unreachable'] as const) {
      const request = await next();
      const opened = open(request);
      expect(await link.requeue(request, why, 'for a test')).toBe(true);
      opened.exchange.abandon();
      expect(opened.settled).toBe(1);
      // Its upstream can be reached again.
      if (why === 'unreachable') await link.report();
    }
    open(await next()).answer('at last');
    expect(await asked).toMatchObject({ status: 200, body: 'at last' });
  });

  test.each([
    ['GET', [true, false]],
    ['POST', [false]],
  ])('failed, a %s is taken back while it may run again', async (method, expected) => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 1);
    const asked = ask(world.url, { method });
    for (const isTaken of expected) {
      const request = await next();
      const { exchange } = open(request);
      expect(await link.requeue(request, 'failed', 'for a test')).toBe(isTaken);
      if (isTaken) exchange.abandon();
      else exchange.reply.fail('upstream-failed', 'for a test');
    }
    expect(await asked).toMatchObject({ status: 502, headers: { 'router-error': 'upstream-failed' } });
  });
}
