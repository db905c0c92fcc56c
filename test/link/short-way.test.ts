import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { hubHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent, type ScriptedAgent } from './support/scripted-agent.ts';

const HEAD = '200\n\n1\nContent-Type: text/event-stream\r\n';
const EVENTS = 20;
const TEXT = Array.from({ length: EVENTS }, (_, i) => `data: ${i}\n\n`).join('');

/** Frames of the only reply that is under way, in Redis. */
function framesInRedis(redisUrl: string, group: string): Promise<number> {
  return withRedis(redisUrl, async (client) => {
    const [key = ''] = await client.keys(`mr:{${group}}:down:*`);
    return client.xlen(key);
  });
}

/** Streams events to a client of `url` one by one; resolves with how many frames Redis has of them before the end. */
async function streamEvents(
  agent: ScriptedAgent,
  url: string,
  count: () => Promise<number>,
): Promise<number> {
  const reply = fetch(url);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD });
  const reader = (await reply).body!.pipeThrough(new TextDecoderStream()).getReader();
  // The first frame has arrived, and the relay has heard so.
  await waitFor(async () => (await count()) === 1, { what: 'the first frame' });
  let text = '';
  for (let i = 0; i < EVENTS; i++) {
    agent.send(MESSAGE.data, channel, {}, `data: ${i}\n\n`);
    while (!text.endsWith(`data: ${i}\n\n`)) text += (await reader.read()).value ?? '';
  }
  const frames = await count();
  agent.send(MESSAGE.data, channel, { end: '' });
  expect((await reader.read()).done).toBe(true);
  expect(text).toBe(TEXT);
  expect((await agent.next(MESSAGE.settled)).channel).toBe(channel);
  return frames;
}

test('events for a client of the same hub do not go through Redis, but for the first frame', async () => {
  const { hub, token, redisUrl, group } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const frames = await streamEvents(agent, hub.url, () => framesInRedis(redisUrl, group));
  // One event may have been sent before the relay heard that the first frame had arrived.
  expect(frames).toBeLessThanOrEqual(3);
});

test('events for a client of another hub do', async () => {
  const { hub, token, redisUrl, group } = await linkHere();
  const other = await hubHere(redisUrl, group);
  const agent = await linkedAgent(hub.url, token);
  const frames = await streamEvents(agent, other.url, () => framesInRedis(redisUrl, group));
  expect(frames).toBeGreaterThan(EVENTS / 2);
});

test('what has gone the short way is not asked for again by a hub that adopts', async () => {
  const { hub, token, redisUrl, group } = await linkHere();
  const other = await hubHere(redisUrl, group);
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { channel, json } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD });
  const response = await reply;
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await waitFor(async () => (await framesInRedis(redisUrl, group)) === 1, { what: 'the first frame' });
  agent.send(MESSAGE.data, channel, {}, 'one two ');
  expect((await reader.read()).value).toBe('one two ');
  agent.ws.terminate();
  const present = [{ ticket: json['ticket'], have: 0 }];
  const again = await linkedAgent(other.url, token, { hello: { turn: 2, present } });
  const resumed = await again.next(MESSAGE.resumed);
  expect(resumed.json).toMatchObject({ ticket: json['ticket'], have: 8, headSeen: true });
  again.send(MESSAGE.data, resumed.channel, { end: '' }, 'three');
  expect((await reader.read()).value).toBe('three');
  expect((await reader.read()).done).toBe(true);
});
