import { request } from 'node:http';
import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent } from './support/scripted-agent.ts';

const MIB = 1024 * 1024;

test('the rest of a request body comes as the agent asks for it, and no faster', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const body = Buffer.alloc(3 * MIB, 'abcdefg');
  const reply = fetch(hub.url, { method: 'PUT', body });
  const { channel, json, body: beginning } = await agent.next(MESSAGE.request);
  expect(json['follows']).toBe(true);
  const received = [beginning];
  let bytes = 0;
  let isEnded = false;
  agent.ws.on('message', () => {
    for (const message of agent.messages.splice(0)) {
      if (message.type !== MESSAGE.data) continue;
      received.push(message.body);
      bytes += message.body.length;
      isEnded ||= message.json['end'] !== undefined;
    }
  });
  agent.send(MESSAGE.credit, channel, { upTo: MIB });
  await waitFor(() => bytes >= MIB, { what: 'a window of the body' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(bytes).toBeLessThanOrEqual(MIB + 256 * 1024);
  const granting = setInterval(() => agent.send(MESSAGE.credit, channel, { upTo: bytes + MIB }), 10);
  await waitFor(() => isEnded, { what: 'the end of the body' });
  clearInterval(granting);
  expect(Buffer.concat(received).equals(body)).toBe(true);
  agent.send(MESSAGE.data, channel, { head: '200\n\n1\n', end: '' });
  expect((await reply).status).toBe(200);
});

test('an agent is granted as much as a slow client takes', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const client = request(hub.url, (response) => response.pause()).end();
  client.on('error', () => undefined);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: '200\n\n1\n' });
  let sent = 0;
  const upTo = () =>
    Math.max(MIB, ...agent.messages.filter(({ type }) => type === MESSAGE.credit).map(upToOf));
  const piece = Buffer.alloc(16 * 1024);
  const sending = setInterval(() => {
    while (sent < upTo()) {
      agent.send(MESSAGE.data, channel, undefined, piece);
      sent += piece.length;
    }
  }, 5);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  clearInterval(sending);
  // A window at the hub, a window on the link, and what the sockets between take.
  expect(sent).toBeLessThan(12 * MIB);
  client.destroy();
  expect((await agent.next(MESSAGE.stop)).channel).toBe(channel);
});

function upToOf({ json }: { json: Readonly<Record<string, unknown>> }): number {
  return Number(json['upTo']);
}

test('an agent that sends beyond its window is refused, and its client sees a broken reply', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const client = request(hub.url, (response) => response.pause()).end();
  client.on('error', () => undefined);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: '200\n\n1\n' });
  const piece = Buffer.alloc(16 * 1024);
  for (let sent = 0; sent < 64 * MIB && agent.ws.readyState === agent.ws.OPEN; sent += piece.length) {
    agent.send(MESSAGE.data, channel, undefined, piece);
    if (sent % MIB === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await agent.closed()).toMatch(/window/);
});
