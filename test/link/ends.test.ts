import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { hubHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';
import { dial, linkedAgent, offerOf } from './support/scripted-agent.ts';

const HEAD = '200\n\n1\n';

test('a token that is revoked ends its links within a second, with the reason', async () => {
  const { hub, token, records } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const revokedAt = performance.now();
  await records.remove('gpu');
  expect((await agent.next(MESSAGE.refused)).json['code']).toBe('token-ended');
  expect(performance.now() - revokedAt).toBeLessThan(1_000);
  await agent.closed();
  await expect(dial(hub.url, token)).rejects.toThrow(/401/);
});

test('a hub that drains says so, gives nothing new, and lets what runs finish', async () => {
  const { hub, token } = await linkHere({ drainMs: 5_000 });
  const agent = await linkedAgent(hub.url, token, { slots: 2 });
  const reply = fetch(hub.url);
  const { channel } = await agent.next(MESSAGE.request);
  const closed = hub.close();
  expect((await agent.next(MESSAGE.away)).json['ms']).toBe(5_000);
  agent.send(MESSAGE.offer, 0, offerOf(2, 1));
  agent.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'whole');
  expect(await (await reply).text()).toBe('whole');
  await closed;
  expect(await agent.closed()).toMatch(/shutting down/);
});

test('an agent that offers what it runs gets no more after the grant', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token, { slots: 4 });
  const replies = Array.from({ length: 40 }, (_, i) => fetch(`${hub.url}/${i}`).catch(() => undefined));
  await agent.next(MESSAGE.request);
  agent.send(MESSAGE.offer, 0, { ...offerOf(2, 0) });
  await waitFor(() => agent.messages.some(({ type, json }) => type === MESSAGE.grant && json['n'] === 2), {
    what: 'the grant',
  });
  const count = () => agent.messages.filter(({ type }) => type === MESSAGE.request).length;
  const before = count();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(count()).toBe(before);
  const other = await linkedAgent(hub.url, token, { slots: 40 });
  void Promise.all(replies);
  await other.next(MESSAGE.request);
});

test('links are on a port of their own when the hub is told so', async () => {
  const { redisUrl, group, token } = await linkHere();
  const hub = await hubHere(redisUrl, group, { linkPort: 0 });
  await expect(dial(hub.url, token)).rejects.toThrow('Unexpected server response');
  const agent = await linkedAgent(`http://127.0.0.1:${hub.linkPort}`, token);
  const reply = fetch(hub.url);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD, end: '' });
  expect((await reply).status).toBe(200);
});
