import { expect, test } from 'vitest';
import type { StoredApp } from '../../router-core/config/stored.ts';
import { waitFor } from '../support/wait.ts';
import { joinAgent, joinHub, type HubWorld } from './joined-hub.ts';

export function servingTests(makeWorld: () => Promise<HubWorld>): void {
  test('a hub serves the groups that it was told, and one that is gone until its last request is answered', async () => {
    const world = await makeWorld();
    const { link, serve, send } = await joinHub(world);
    const { next, open } = await joinAgent(world, 1);
    const sent = send();
    const opened = open(await next());
    const other = `${world.group}-other`;
    serve({ name: other });
    expect([...link.groups().keys()]).toEqual([world.group, other]);
    expect(link.group(world.group).inFlight).toBe(1);

    opened.answer('the last one');
    await waitFor(sent.isEnded, { what: 'the reply' });
    sent.close();
    await waitFor(() => !link.groups().has(world.group), { what: 'the group to go' });
    expect(() => link.group(world.group)).toThrow(`group ${world.group} is not served here`);
    expect(link.group(other).inFlight).toBe(0);
  });

  test('a hub sees the instances, slots and waiting requests of its group', async () => {
    const world = await makeWorld();
    const { link, send } = await joinHub(world);
    await joinAgent(world, 2);
    for (let i = 0; i < 3; i += 1) await send().admission;
    const view = link.group(world.group);
    await waitFor(() => view.lastSweep.inLine === 1, { what: 'the line to be seen' });
    expect(view.lastSweep).toMatchObject({ instances: 1, hubs: 1, capacity: { slots: 2, taken: 2 } });
    expect(view.fault).toBeUndefined();
  });

  test('two hubs of a group share its line, and name their requests apart', async () => {
    const world = await makeWorld();
    const one = await joinHub(world);
    const two = await joinHub(world);
    expect(one.link.hub).not.toBe(two.link.hub);
    const { next, open } = await joinAgent(world, 1);
    const sent = [one.send(), two.send(), one.send(), two.send()];
    expect(new Set(sent.map(({ id }) => id)).size).toBe(4);
    for (let i = 0; i < sent.length; i += 1) {
      const request = await next();
      const from = request.id.startsWith(one.link.hub) ? one : two;
      expect(request.hub).toBe(from.link.hub);
      open(request).answer(request.id);
    }
    await waitFor(() => sent.every(({ isEnded }) => isEnded()), { what: 'all replies' });
    expect(sent.map(({ text }) => text())).toEqual(sent.map(({ id }) => id));
  });

  test('an app has no more requests at once than it may, over all hubs', async () => {
    const world = await makeWorld();
    const hubs = [await joinHub(world), await joinHub(world)] as const;
    const name = `app-${world.group}`;
    const app = { name, concurrency: 2 } as StoredApp;
    const [first, second, third] = [hubs[0].link.nextId(), hubs[1].link.nextId(), hubs[1].link.nextId()];
    expect(await hubs[0].link.enterApp(app, first)).toEqual({ ok: true });
    expect(await hubs[1].link.enterApp(app, second)).toEqual({ ok: true });
    expect(await hubs[1].link.enterApp(app, third)).toMatchObject({ ok: false, limit: 'concurrency' });
    hubs[0].link.leaveApp(name, first);
    await waitFor(async () => (await hubs[1].link.enterApp(app, third)).ok, { what: 'room' });
  });

  test('an app sends no more requests than its rate lets it', async () => {
    const world = await makeWorld();
    const { link } = await joinHub(world);
    const app = {
      name: `app-${world.group}`,
      concurrency: 0,
      rate: { requests: 2, perMs: 60_000 },
    } as StoredApp;
    expect(await link.enterApp(app, link.nextId())).toEqual({ ok: true });
    expect(await link.enterApp(app, link.nextId())).toEqual({ ok: true });
    const refused = await link.enterApp(app, link.nextId());
    expect(refused).toMatchObject({ ok: false, limit: 'rate' });
    expect(refused.ok ? 0 : refused.retryAfterS).toBeGreaterThan(0);
  });

  test('operators see what a hub says of itself for as long as it lives', async () => {
    const world = await makeWorld();
    const { link } = await joinHub(world);
    await waitFor(async () => (await world.reports()).has(link.hub), { what: 'the report' });
    expect((await world.reports()).get(link.hub)).toMatchObject({ name: 'here', inFlight: 7 });
    await link.close();
    await waitFor(async () => !(await world.reports()).has(link.hub), { what: 'the report to go' });
  });
}
