import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { joinAgent, joinHub, type HubWorld } from './joined-hub.ts';

export function moveTests(makeWorld: () => Promise<HubWorld>): void {
  test('a request of a lost instance moves on as its next attempt, if it may run twice', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const lost = await joinAgent(world, 1);
    const sent = send({ isRepeatable: true });
    lost.open(await lost.next());
    lost.cutOff();

    const { next, open } = await joinAgent(world, 1);
    await waitFor(() => sent.moves.length > 0, { what: 'the move' });
    expect(sent.moves).toMatchObject([{ unseen: undefined, returned: undefined }]);
    expect(sent.exchange.nextAttempt(true)).toBe(true);
    const request = await next();
    expect(request).toMatchObject({ id: sent.id, attempt: 2 });
    open(request).answer('by the second');
    await waitFor(sent.isEnded, { what: 'the reply' });
    expect(sent.text()).toBe('by the second');
    // It had two attempts.
    expect(sent.exchange.nextAttempt(true)).toBe(false);
  });

  test('a request of a lost instance ends, if it must not run twice or has had all its attempts', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const lost = await joinAgent(world, 2);
    const once = send({ isRepeatable: false });
    const last = send({ isRepeatable: true, attempts: 1 });
    lost.open(await lost.next());
    lost.open(await lost.next());
    lost.cutOff();
    await waitFor(() => once.failures.length + last.failures.length === 2, { what: 'both failures' });
    expect(once.failures).toEqual(['agent-lost']);
    expect(last.failures).toEqual(['attempts-exhausted']);
    expect([...once.moves, ...last.moves]).toEqual([]);
  });

  test('a request that came back unseen runs again, even if it must not run twice, and has not had an attempt', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world);
    const { link, next, open } = await joinAgent(world, 1);
    const sent = send({ isRepeatable: false, attempts: 1 });
    for (let i = 1; i <= 3; i += 1) {
      const request = await next();
      expect(request).toMatchObject({ id: sent.id, attempt: i });
      expect(await link.requeue(request, 'unstarted')).toBe(true);
      await waitFor(() => sent.moves.length === i, { what: 'the move' });
      expect(sent.moves.at(-1)).toMatchObject({ unseen: 'unstarted', returned: undefined });
      expect(sent.exchange.nextAttempt(false)).toBe(true);
    }
    open(await next()).answer('after all');
    await waitFor(sent.isEnded, { what: 'the reply' });
    expect(sent.text()).toBe('after all');
  });

  test('a hub that was not heard of for too long is told so, and serves its group again', async () => {
    const world = await makeWorld();
    const { link, absences, send, cutOff, restore } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    // The link tells an absence from its own start by what it has heard before.
    await waitFor(() => link.group(world.group).counts.sweeps > 0, { what: 'the group to be watched' });
    const cutAt = performance.now();
    cutOff();
    await waitFor(() => performance.now() - cutAt > world.leaseMs, { what: 'the absence' });
    restore();
    await waitFor(() => absences.length > 0, { what: 'the hub to be told' });
    expect(absences).toEqual([world.group]);
    await waitFor(() => link.ready, { what: 'the link to be ready' });
    const sent = send();
    open(await next()).answer('again');
    await waitFor(sent.isEnded, { what: 'the reply' });
  });
}
