import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { hubHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent } from './support/scripted-agent.ts';

const HEAD = '200\n\n1\n';

test('a record that is paused gets nothing until it is active again', async () => {
  const { hub, token, records, group } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  await records.set('gpu', { group, paused: true });
  await waitFor(() => agent.messages.some(({ json }) => json['state'] === 'paused'), { what: 'the pause' });
  const reply = fetch(hub.url);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(agent.messages.some(({ type }) => type === MESSAGE.request)).toBe(false);
  await records.set('gpu', { group });
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD, end: '' });
  expect((await reply).status).toBe(200);
});

test('links of one record share its slots, over all hubs', async () => {
  const { hub, redisUrl, group, records } = await linkHere();
  const other = await hubHere(redisUrl, group);
  const token = await records.set('gpu', { group, concurrency: 3 });
  const agents = await Promise.all([hub, hub, other].map(({ url }) => linkedAgent(url, token, { slots: 2 })));
  const granted = () =>
    agents.map(({ messages }) => {
      const last = messages.findLast(({ type }) => type === MESSAGE.grant || type === MESSAGE.welcome);
      const grant = (last?.json['grant'] ?? last?.json) as { slots: number };
      return grant.slots;
    });
  await waitFor(() => granted().reduce((sum, slots) => sum + slots, 0) === 3, { what: 'three slots in all' });
});
