import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent, offerOf } from './support/scripted-agent.ts';
import { agentOf, requestOf, scriptedHub } from './support/scripted-hub.ts';

const LEASE_MS = 1_500;

test.each([
  ['the only record', 1],
  ['one of two records', 2],
])('%s: a slot that has not reached its upstream gets nothing until the next offer', async (_, count) => {
  const { hub, token, records, group } = await linkHere({ leaseMs: LEASE_MS });
  const agent = await linkedAgent(hub.url, token);
  const other = await records.set('other', { group });
  if (count === 2) await linkedAgent(hub.url, other, { slots: 0, hello: { name: 'other' } });
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.requeue, channel, { why: 'unreachable', detail: 'refused' });
  expect((await agent.next(MESSAGE.requeued)).json['moved']).toBe(true);
  // Some beats of the relay.
  await sleep(LEASE_MS);
  expect(agent.messages.filter(({ type }) => type === MESSAGE.request)).toHaveLength(1);
  agent.send(MESSAGE.offer, 0, offerOf(2, 1));
  const again = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, again.channel, { head: '200\n\n1\n', end: '' }, 'reached');
  expect(await (await reply).text()).toBe('reached');
});

test('an agent sends its offer again within some seconds after it has not reached its upstream', async () => {
  const hub = await scriptedHub();
  const { link, next } = await agentOf([hub]);
  const side = await hub.nextLink();
  side.send(MESSAGE.request, 1, requestOf('t1'));
  const moved = link.requeue(await next(), 'unreachable', 'refused');
  const requeue = await side.next(MESSAGE.requeue);
  side.send(MESSAGE.requeued, 1, { moved: true });
  expect(await moved).toBe(true);
  const offersSince = () =>
    side.messages.slice(side.messages.indexOf(requeue)).filter(({ type }) => type === MESSAGE.offer);
  const offer = await waitFor(() => offersSince()[0], { what: 'an offer after the requeue' });
  expect(offer.json['slots']).toBe(2);
});
