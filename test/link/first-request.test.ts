import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent } from './support/scripted-agent.ts';

test('a request goes to the linked agent and its reply back', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(`${hub.url}/v1/models?x=1`, { method: 'POST', body: 'question' });
  const { channel, json, body } = await agent.next(MESSAGE.request);
  expect(String(json['head'])).toMatch(/^POST\n\/v1\/models\?x=1\n\n/);
  expect(body.toString()).toBe('question');
  agent.send(MESSAGE.data, channel, { head: '201\nMade\n3\nX-From: gpu\r\n', end: '' }, 'answer');
  const response = await reply;
  expect(response.status).toBe(201);
  expect(response.headers.get('x-from')).toBe('gpu');
  // The linked agent is named, not the relay that stands in for it in Redis.
  expect(response.headers.get('router-agent')).toMatch(/^scripted\.[0-9a-f]{8}$/);
  expect(await response.text()).toBe('answer');
  expect((await agent.next(MESSAGE.settled)).channel).toBe(channel);
});

test('a slot is offered again once its reply has ended', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  for (let i = 0; i < 20; i++) {
    const reply = fetch(`${hub.url}/${i}`);
    const { channel } = await agent.next(MESSAGE.request);
    agent.send(MESSAGE.data, channel, { head: '200\n\n1\n', end: '' }, String(i));
    expect(await (await reply).text()).toBe(String(i));
  }
});

test('no more requests than slots are on a link at once', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token, { slots: 2 });
  const replies = [1, 2, 3].map((n) => fetch(`${hub.url}/${n}`));
  const [first] = [await agent.next(MESSAGE.request), await agent.next(MESSAGE.request)];
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(agent.messages.filter(({ type }) => type === MESSAGE.request)).toHaveLength(2);
  agent.send(MESSAGE.data, first?.channel ?? 0, { head: '200\n\n1\n', end: '' });
  const third = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, third.channel, { head: '200\n\n1\n', end: '' });
  expect((await Promise.any(replies)).status).toBe(200);
});

test('a client that leaves stops its request at the linked agent', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const leaving = new AbortController();
  const reply = fetch(hub.url, { signal: leaving.signal }).catch(() => undefined);
  const { channel } = await agent.next(MESSAGE.request);
  const leftAt = performance.now();
  leaving.abort();
  expect((await agent.next(MESSAGE.stop)).channel).toBe(channel);
  expect(performance.now() - leftAt).toBeLessThan(1_000);
  await reply;
});

test('what an agent requeues runs at another', async () => {
  const { hub, token } = await linkHere();
  const first = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { channel } = await first.next(MESSAGE.request);
  const second = await linkedAgent(hub.url, token);
  first.send(MESSAGE.offer, 0, { n: 2, slots: 1, report: downReport });
  first.send(MESSAGE.requeue, channel, { why: 'unreachable', detail: 'ECONNREFUSED' });
  expect((await first.next(MESSAGE.requeued)).json['moved']).toBe(true);
  const again = await Promise.race([second.next(MESSAGE.request), first.next(MESSAGE.request)]);
  expect(again.body.toString()).toBe('x');
  for (const agent of [first, second]) {
    agent.send(MESSAGE.data, again.channel, { head: '200\n\n1\n', end: '' });
  }
  expect((await reply).status).toBe(200);
});

const downReport = { version: '0', concurrency: 1, inFlight: 1, state: 'upstream-down', reason: 'refused' };
