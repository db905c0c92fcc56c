import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { agentRecords } from '../support/agent-records.ts';
import { hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { linkedAgent } from './support/scripted-agent.ts';

async function linkHere(slots = 1) {
  const redis = await redisHere();
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group);
  const token = await agentRecords(redis.url).set('gpu', { group });
  return { redis, group, hub, token, agent: await linkedAgent(hub.url, token, { slots }) };
}

test('a request goes to the linked agent and its reply back', async () => {
  const { hub, agent } = await linkHere();
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
  const { hub, agent } = await linkHere();
  for (let i = 0; i < 20; i++) {
    const reply = fetch(`${hub.url}/${i}`);
    const { channel } = await agent.next(MESSAGE.request);
    agent.send(MESSAGE.data, channel, { head: '200\n\n1\n', end: '' }, String(i));
    expect(await (await reply).text()).toBe(String(i));
  }
});
