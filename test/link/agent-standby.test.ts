import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { staysSo } from '../exchange/joined-link.ts';
import { waitFor } from '../support/wait.ts';
import { agentOf, requestOf, scriptedHub, type HubSide, type ScriptedHub } from './support/scripted-hub.ts';

/** The slots that are offered on a link now. */
function slotsOn({ messages }: HubSide): number | undefined {
  const offers = messages.flatMap(({ type, json }) => {
    if (type === MESSAGE.hello) return [json['offer']];
    return type === MESSAGE.offer ? [json] : [];
  });
  return (offers.at(-1) as { slots: number } | undefined)?.slots;
}

/** Two hubs on two hosts, and the links of one agent: the one with the slots, and the standby. */
async function twoLinks() {
  const hubs = [await scriptedHub({ host: 'one' }), await scriptedHub({ host: 'two' })];
  const agent = await agentOf(hubs, 3);
  await waitFor(() => hubs.every(({ links }) => links.length === 1), { what: 'two links' });
  const both = await Promise.all(hubs.map((hub) => hub.nextLink()));
  await waitFor(() => both.every((link) => slotsOn(link) !== undefined), { what: 'two hellos' });
  const [primary, standby] = slotsOn(both[0] as HubSide) === 3 ? both : both.toReversed();
  const hubOf = (link: HubSide | undefined) => hubs.find(({ links }) => links.includes(link as HubSide));
  return {
    agent,
    primary: primary as HubSide,
    standby: standby as HubSide,
    hubs,
    hubOfPrimary: hubOf(primary) as ScriptedHub,
  };
}

test('the slots are on one link; the other one, at another host, offers none', async () => {
  const { primary, standby } = await twoLinks();
  expect([slotsOn(primary), slotsOn(standby)]).toEqual([3, 0]);
});

test('a hub that says away loses the slots to the standby at once, and what runs there ends there', async () => {
  const { agent, primary, standby } = await twoLinks();
  primary.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = agent.open(await agent.next());
  primary.send(MESSAGE.away, 0, { ms: 10_000 });
  await waitFor(() => slotsOn(standby) === 2, { what: 'the slots, but for the one that is in use' });
  await waitFor(() => slotsOn(primary) === 0, { what: 'none at the old hub' });
  standby.send(MESSAGE.request, 1, requestOf('t2'));
  const second = agent.open(await agent.next());
  opened.answer('by the old link');
  const { channel, json } = await primary.next(MESSAGE.data);
  expect({ channel, head: json['head'] }).toMatchObject({
    channel: 1,
    head: expect.stringMatching(/^200/) as unknown,
  });
  await waitFor(() => slotsOn(standby) === 3, { what: 'all slots' });
  primary.send(MESSAGE.settled, 1);
  await primary.closed();
  expect(second.stops).toEqual([]);
  second.answer('by the new one');
  standby.send(MESSAGE.settled, 1);
});

test('when the link with the slots is cut, the standby has them at once, and what ran is presented on a new link', async () => {
  const { agent, primary, standby, hubs } = await twoLinks();
  primary.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = agent.open(await agent.next());
  const cutAt = performance.now();
  primary.ws.terminate();
  await waitFor(() => slotsOn(standby) === 3 || slotsOn(standby) === 2, { what: 'the slots' });
  expect(performance.now() - cutAt).toBeLessThan(200);
  const all = () => hubs.flatMap(({ links }) => links);
  const third = await waitFor(() => all().find((link) => link !== primary && link !== standby), {
    what: 'a link',
  });
  expect((await third.next(MESSAGE.hello)).json['present']).toEqual([{ ticket: 't1', have: 0 }]);
  third.send(MESSAGE.resumed, 5, { ticket: 't1', have: 0, headSeen: false, upTo: 1_048_576 });
  opened.answer('in the end');
  expect((await third.next(MESSAGE.data)).json['end']).toBe('');
  expect(slotsOn(third)).toBe(0);
  await waitFor(() => slotsOn(standby) === 3, { what: 'all slots at the standby' });
  third.send(MESSAGE.settled, 5);
});

test('two hubs of one host are one: the second link is closed again', async () => {
  const hubs = [await scriptedHub({ host: 'same' }), await scriptedHub({ host: 'same' })];
  const agent = await agentOf(hubs, 3);
  const links = () => hubs.flatMap((hub) => hub.links);
  await waitFor(() => links().length === 2, { what: 'a second link' });
  const second = links().find((link) => slotsOn(link) === 0);
  await second?.closed();
  const first = links().find((link) => link !== second) as HubSide;
  first.send(MESSAGE.request, 1, requestOf('t1'));
  agent.open(await agent.next()).answer('here');
  first.send(MESSAGE.settled, 1);
});

test('without a standby, the agent dials at once when its hub says away, and keeps its slots there until then', async () => {
  const hub = await scriptedHub({ host: 'one' });
  await agentOf([hub], 3);
  const first = await hub.nextLink();
  await first.next(MESSAGE.hello);
  const at = performance.now();
  first.send(MESSAGE.away, 0, { ms: 10_000 });
  const second = await hub.nextLink();
  await waitFor(() => slotsOn(second) === 3, { what: 'the slots' });
  expect(performance.now() - at).toBeLessThan(400);
  await first.closed();
});

test('who stops pulling offers no more than it runs, and is given what the hub had sent before it knew', async () => {
  const hub = await scriptedHub({ greets: false });
  const joining = agentOf([hub], 3);
  const side = await hub.nextLink();
  await side.next(MESSAGE.hello);
  const grant = { n: 1, slots: 3, state: 'active' };
  side.send(MESSAGE.welcome, 0, {
    protocol: 1,
    instance: 'agent.1',
    hub: { id: 'id', host: 'host' },
    leaseMs: 5_000,
    grant,
    limits: { slots: 256 },
  });
  const { link, next, open } = await joining;
  side.send(MESSAGE.request, 1, requestOf('t1'));
  const opened = open(await next());
  const stopping = link.stopPulling();
  const { json } = await side.next(MESSAGE.offer);
  expect(json['slots']).toBe(1);
  side.send(MESSAGE.request, 2, requestOf('t2'));
  expect(await staysSo(200, () => side.messages.every(({ type }) => type !== MESSAGE.requeue))).toBe(true);
  side.send(MESSAGE.grant, 0, { n: json['n'], slots: 1, state: 'active' });
  const unstarted = await stopping;
  expect(unstarted.map(({ id }) => id)).toEqual(['id-t2']);
  const [request] = unstarted;
  const requeued = request && link.requeue(request, 'unstarted');
  expect((await side.next(MESSAGE.requeue)).channel).toBe(2);
  side.send(MESSAGE.requeued, 2, { moved: true });
  expect(await requeued).toBe(true);
  opened.answer('done');
  await side.next(MESSAGE.data);
  side.send(MESSAGE.settled, 1);
  await link.close(5_000);
});
