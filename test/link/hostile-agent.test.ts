import { describe, expect, test } from 'vitest';
import { LINK_PROTOCOL, MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { linkHere } from './support/link-here.ts';
import { dial, linkedAgent, offerOf, type ScriptedAgent } from './support/scripted-agent.ts';

type Attack = (agent: ScriptedAgent, channel: number) => void;

const HEAD = '200\n\n1\n';

/** Each ends the link of whoever sends it. */
const ATTACKS: Record<string, Attack> = {
  'text instead of bytes': ({ ws }) => ws.send('hello'),
  'a message of no bytes': ({ ws }) => ws.send(Buffer.alloc(0)),
  'JSON longer than its message': ({ ws }) => ws.send(Buffer.from([6, 0, 0, 0, 1, 255, 255, 255, 255, 1])),
  'JSON that is none': ({ ws }) => ws.send(Buffer.from([6, 0, 0, 0, 1, 0, 0, 0, 1, 0x7b])),
  'a type that nobody knows': (agent) => agent.send(99, 0),
  'a type that only hubs send': (agent) => agent.send(MESSAGE.welcome, 0),
  'a second hello': (agent) => agent.send(MESSAGE.hello, 0, {}),
  'a message larger than any': ({ ws }) => ws.send(Buffer.alloc(300 * 1024)),
  'slots below zero': (agent) => agent.send(MESSAGE.offer, 0, offerOf(2, -1)),
  'more slots than a link may have': (agent) => agent.send(MESSAGE.offer, 0, offerOf(2, 100_000)),
  'a report that is too long': (agent) =>
    agent.send(MESSAGE.offer, 0, { n: 2, slots: 1, report: { version: 'x'.repeat(10_000) } }),
  'credit below zero': (agent, channel) => agent.send(MESSAGE.credit, channel, { upTo: -1 }),
  'credit that is no number': (agent, channel) => agent.send(MESSAGE.credit, channel, { upTo: 'all' }),
  'credit beyond the window': (agent, channel) => agent.send(MESSAGE.credit, channel, { upTo: 1e12 }),
  'a body before its head': (agent, channel) => agent.send(MESSAGE.data, channel, {}, 'x'),
  'an end before its head': (agent, channel) => agent.send(MESSAGE.data, channel, { end: '' }),
  'two heads': (agent, channel) => {
    agent.send(MESSAGE.data, channel, { head: HEAD });
    agent.send(MESSAGE.data, channel, { head: HEAD });
  },
  'a head that is no text': (agent, channel) => agent.send(MESSAGE.data, channel, { head: 5 }),
  'a head beyond Latin-1': (agent, channel) =>
    agent.send(MESSAGE.data, channel, { head: `${HEAD}X: \u{1f600}\r\n` }),
  'seventeen interim heads': (agent, channel) => {
    for (let i = 0; i < 17; i++) agent.send(MESSAGE.data, channel, { head: '103\n\n1\n' });
  },
  'a failure that agents do not have': (agent, channel) =>
    agent.send(MESSAGE.data, channel, { failed: 'store-unavailable\nx' }),
  'a reason to requeue that there is not': (agent, channel) =>
    agent.send(MESSAGE.requeue, channel, { why: 'bored' }),
};

describe('one bad message ends the link that it came on, and nothing else', () => {
  test.each(Object.entries(ATTACKS))('%s', async (_name, attack) => {
    const { hub, token } = await linkHere();
    const bad = await linkedAgent(hub.url, token);
    const attacked = fetch(hub.url, { method: 'POST', body: 'x' });
    const { channel } = await bad.next(MESSAGE.request);
    const good = await linkedAgent(hub.url, token);
    const reply = fetch(`${hub.url}/good`);
    const request = await good.next(MESSAGE.request);
    attack(bad, channel);
    await bad.closed();
    good.send(MESSAGE.data, request.channel, { head: HEAD, end: '' }, 'fine');
    expect(await (await reply).text()).toBe('fine');
    await attacked.then((response) => response.text()).catch(() => undefined);
  });
});

test('what is said of channels that are over or never were does nothing', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  for (const channel of [1, 7, 0xffff_ffff]) {
    agent.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'not mine');
    agent.send(MESSAGE.credit, channel, { upTo: 5 });
    agent.send(MESSAGE.requeue, channel, { why: 'failed' });
  }
  const reply = fetch(hub.url);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'mine');
  expect(await (await reply).text()).toBe('mine');
});

test('a head that may not be sent ends its request alone', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url);
  const { channel } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: '200\n\n1\nX: a\r\nTransfer-Encoding: chunked\r\n', end: '' });
  expect((await reply).headers.get('router-error')).toBe('upstream-failed');
  const next = fetch(hub.url);
  const request = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, request.channel, { head: HEAD, end: '' }, 'still here');
  expect(await (await next).text()).toBe('still here');
});

test('a link without a hello is ended', async () => {
  const { hub, token } = await linkHere();
  const silent = await dial(hub.url, token);
  expect(await silent.closed()).toMatch(/hello/);
}, 15_000);

test('who has no token gets no WebSocket, and learns why', async () => {
  const { hub, token } = await linkHere();
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const ask = (fields: Record<string, string>) => rawStatus(hub.url, { ...upgrade, ...fields });
  const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': LINK_PROTOCOL };
  expect(await ask(key)).toBe(401);
  expect(await ask({ ...key, authorization: 'Bearer mr_agent_x' })).toBe(401);
  expect(await ask({ authorization: `Bearer ${token}` })).toBe(426);
  const answer = await fetch(`${hub.url}/_router/agent`, { headers: { authorization: `Bearer ${token}` } });
  expect(await answer.json()).toMatchObject({ record: 'gpu', scopes: [], concurrency: 0 });
  const refused = await fetch(`${hub.url}/_router/agent`);
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([401, 'token-ended']);
});

async function rawStatus(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/_router/link`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
}
