import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { joinAgent, joinHub, type HubWorld } from './joined-hub.ts';

export function cancelTests(makeWorld: () => Promise<HubWorld>): void {
  test('a request that waits never runs after it was cancelled', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const running = send();
    const cancelled = send();
    const following = send();
    expect(await cancelled.admission).toBe('waiting');
    expect(await cancelled.exchange.cancel()).toBe('removed');
    expect(await cancelled.exchange.look()).toBe('unknown');
    open(await next()).answer('done');
    await waitFor(running.isEnded, { what: 'the reply' });
    expect((await next()).id).toBe(following.id);
  });

  test('the agent of a request that runs is told to stop, and its slot is free after that', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const sent = send();
    const opened = open(await next());
    expect(await sent.exchange.cancel()).toBe('running');
    await waitFor(() => opened.stops.length > 0, { what: 'the agent to be told' });
    expect(opened.stops).toEqual(['cancelled']);
    opened.exchange.reply.close();
    await waitFor(() => opened.settled === 1, { what: 'the settlement' });
    const following = send();
    expect((await next()).id).toBe(following.id);
  });

  test('a request is taken out of its group before it was pulled, and left alone after that', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const running = send();
    const opened = open(await next());
    expect(await running.exchange.leave()).toBe('pulled');
    const waiting = send();
    expect(await waiting.admission).toBe('waiting');
    expect(await waiting.exchange.leave()).toBe('removed');
    expect(opened.stops).toEqual([]);
    opened.answer('done');
    await waitFor(running.isEnded, { what: 'the reply' });

    // Nobody pulls this one, though there is a slot: it may be on its way to an agent for a moment.
    const handed = send();
    expect(await handed.admission).toBe('handed');
    await waitFor(async () => (await handed.exchange.leave()) === 'removed', {
      what: 'the request to be removed',
    });
  });

  test('to look where a request is changes nothing', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const running = send();
    await running.admission;
    const waiting = send();
    await waiting.admission;
    expect(await running.exchange.look()).toBe('handed');
    expect(await waiting.exchange.look()).toBe('waiting');
    const opened = open(await next());
    expect(await running.exchange.look()).toBe('pulled');
    opened.answer('done');
    await waitFor(running.isEnded, { what: 'the reply' });
    expect(await running.exchange.look()).toBe('unknown');
    open(await next()).answer('done, too');
    await waitFor(waiting.isEnded, { what: 'the other reply' });
    expect(waiting.text()).toBe('done, too');
  });
}
