import { expect, test } from 'vitest';
import { StoreUnavailableError } from '../../router-core/exchange/store-unavailable.ts';
import { waitFor } from '../support/wait.ts';
import { joinAgent, joinHub, type HubWorld } from './joined-hub.ts';

export function admissionTests(makeWorld: () => Promise<HubWorld>): void {
  test('a request that finds a free slot is handed over as it was sent', async () => {
    const world = await makeWorld();
    const { link, send } = await joinHub(world);
    const { next } = await joinAgent(world, 1);
    const body = [Buffer.from('a '), Buffer.from('body')];
    const sent = send({ method: 'PUT', body, trailers: 'x-sum\n1', deadlineMs: 5_000 });
    expect(await sent.admission).toBe('handed');

    const request = await next();
    expect(request).toMatchObject({ id: sent.id, attempt: 1, hub: link.hub, bodyFollows: false });
    expect(request).toMatchObject({ trailers: 'x-sum\n1', mayHaveRun: false });
    expect(request.head).toEqual({ method: 'PUT', target: '/a%2Fb?c', upgrade: '', fields: 'x-a: 1\r\n' });
    expect(String(request.body)).toBe('a body');
    expect(request.remainingMs).toBeGreaterThan(2_000);
    expect(request.remainingMs).toBeLessThanOrEqual(5_000);
  });

  test('requests without a free slot wait, and are handed over as they came when one is free', async () => {
    const world = await makeWorld();
    const { link, send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const running = send();
    expect(await running.admission).toBe('handed');
    const second = send();
    expect(await second.admission).toBe('waiting');
    const third = send();
    expect(await third.admission).toBe('waiting');
    expect(link.group(world.group).inFlight).toBe(3);

    open(await next()).answer('done');
    await waitFor(() => second.handed === 1, { what: 'the hand-over' });
    expect(third.handed).toBe(0);
    const request = await next();
    expect(request.id).toBe(second.id);
    open(request).answer('done');
    expect((await next()).id).toBe(third.id);
  });

  test('a request that finds the line full, or may not wait, is not let in', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world, { queueDepth: 1 });
    const { next, open } = await joinAgent(world, 1);
    const running = send();
    expect(await running.admission).toBe('handed');
    expect(await send({ waitMs: 0 }).admission).toBe('busy');
    const waiting = send();
    expect(await waiting.admission).toBe('waiting');
    expect(await send().admission).toBe('full');

    open(await next()).answer('done');
    expect((await next()).id).toBe(waiting.id);
  });

  test('no more requests run at once than the group may, whatever its agents offer', async () => {
    const world = await makeWorld();
    const { send } = await joinHub(world, { concurrency: 2 });
    const { next, open } = await joinAgent(world, 4);
    expect(await send().admission).toBe('handed');
    expect(await send().admission).toBe('handed');
    const third = send();
    expect(await third.admission).toBe('waiting');
    open(await next()).answer('done');
    await waitFor(() => third.handed === 1, { what: 'the hand-over' });
  });

  test('who is cut off is told that the store cannot be reached, and takes requests again afterwards', async () => {
    const world = await makeWorld();
    const { link, send, cutOff, restore } = await joinHub(world);
    await joinAgent(world, 1);
    cutOff();
    await waitFor(() => !link.connected, { what: 'the link to notice' });
    await expect(send().admission).rejects.toBeInstanceOf(StoreUnavailableError);
    restore();
    await waitFor(() => link.ready, { what: 'the link to be ready' });
    expect(await send().admission).toBe('handed');
  });
}
