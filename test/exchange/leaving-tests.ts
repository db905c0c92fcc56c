import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { waitFor } from '../support/wait.ts';
import { beginReply, joinLink, staysSo, type LinkWorld } from './joined-link.ts';

const post = { method: 'POST', body: 'x' };

export function leavingTests(makeWorld: () => Promise<LinkWorld>): void {
  test('close waits until all replies are taken', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 4);
    const body = 'x'.repeat(100_000);
    const asked = Array.from({ length: 4 }, () => ask(world.url, post));
    const opened = [open(await next()), open(await next()), open(await next()), open(await next())];
    await link.stopPulling();
    for (const each of opened) each.answer(body);
    await link.close(10_000);
    expect(opened.map(({ settled }) => settled)).toEqual([1, 1, 1, 1]);
    for (const each of asked) expect(await each).toMatchObject({ status: 200, body });
  });

  test('who does not pull any more is handed nothing, and what was on its way is there to be requeued', async () => {
    const world = await makeWorld();
    const leaving = await joinLink(world, 1);
    const pulled: unknown[] = [];
    const pull = leaving.link.pull(1, (request) => pulled.push(request));
    const onTheirWay = await leaving.link.stopPulling();
    await pull;
    for (const request of onTheirWay) await leaving.link.requeue(request, 'unstarted');
    const asked = ask(world.url, post);
    await leaving.link.close(1_000);

    const { next, open } = await joinLink(world, 1);
    open(await next()).answer('by the other');
    expect((await asked).body).toBe('by the other');
    expect(pulled).toEqual([]);
  });

  test('who is cut off for longer than its lease loses its request to another, and is told so afterwards', async () => {
    const world = await makeWorld();
    const lost = await joinLink(world, 1);
    const asked = ask(world.url);
    const first = lost.open(await lost.next());
    lost.cutOff();
    const cutAt = performance.now();

    const { next, open } = await joinLink(world, 1);
    const request = await next();
    expect(request).toMatchObject({ id: first.request.id, attempt: 2 });
    // Not before its lease is over: until then it might only be slow.
    expect(performance.now() - cutAt).toBeGreaterThan(world.leaseMs / 2);
    beginReply(lost.link, first.exchange);
    first.exchange.reply.write(Buffer.from('by the first'));
    lost.restore();
    await waitFor(() => first.stops.length > 0, { what: 'the first to be told' });
    expect(first.settled).toBe(1);
    open(request).answer('by the second');
    expect(await asked).toMatchObject({ status: 200, body: 'by the second' });
  });

  test('a request that must not run twice ends when the lease of its instance does', async () => {
    const world = await makeWorld();
    const lost = await joinLink(world, 1);
    const asked = ask(world.url, post);
    lost.open(await lost.next());
    lost.cutOff();

    const { next } = await joinLink(world, 1);
    let isTaken = false;
    void next().then(
      () => (isTaken = true),
      () => undefined,
    );
    expect(await asked).toMatchObject({ status: 502, headers: { 'router-error': 'agent-lost' } });
    expect(await staysSo(300, () => !isTaken)).toBe(true);
  });

  test('who is cut off for less than its lease keeps its request', async () => {
    const world = await makeWorld();
    const { cutOff, restore, next, open } = await joinLink(world, 1);
    const asked = ask(world.url, post);
    const opened = open(await next());
    cutOff();
    opened.answer('kept');
    restore();
    expect(await asked).toMatchObject({ status: 200, body: 'kept' });
    expect(opened).toMatchObject({ settled: 1, stops: [] });
  });
}
