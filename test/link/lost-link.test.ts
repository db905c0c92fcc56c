import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { linkHere, untilKnown } from './support/link-here.ts';
import { linkedAgent, type ScriptedAgent } from './support/scripted-agent.ts';

const HEAD = '200\n\n1\n';

/** The name of a former link. */
function formerOf(agent: ScriptedAgent): unknown {
  return agent.messages.find(({ type }) => type === MESSAGE.welcome)?.json['instance'];
}

test('a reply goes on over another link, from the byte that has arrived', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { channel, json } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.data, channel, { head: HEAD }, 'one two ');
  const response = await reply;
  agent.ws.terminate();
  const present = [{ ticket: json['ticket'], have: 0 }];
  const again = await linkedAgent(hub.url, token, { hello: { former: formerOf(agent), present } });
  const resumed = await again.next(MESSAGE.resumed);
  expect(resumed.json).toMatchObject({ ticket: json['ticket'], have: 8, headSeen: true });
  again.send(MESSAGE.data, resumed.channel, { end: '' }, 'three');
  expect(await response.text()).toBe('one two three');
  expect((await again.next(MESSAGE.settled)).channel).toBe(resumed.channel);
});

test('an upload goes on over another link, from the byte that has arrived', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const body = Buffer.from(Array.from({ length: 600_000 }, (_, i) => i % 251));
  const reply = fetch(hub.url, { method: 'POST', body });
  const { channel, json, body: beginning } = await agent.next(MESSAGE.request);
  agent.send(MESSAGE.credit, channel, { upTo: 1024 * 1024 });
  const first = await agent.next(MESSAGE.data);
  agent.ws.terminate();
  const have = first.body.length - 100;
  const present = [{ ticket: json['ticket'], have }];
  const again = await linkedAgent(hub.url, token, { hello: { former: formerOf(agent), present } });
  const resumed = await again.next(MESSAGE.resumed);
  const parts = [beginning, first.body.subarray(0, have)];
  for (;;) {
    const { body: piece, json: about } = await again.next(MESSAGE.data);
    parts.push(piece);
    if (about['end'] !== undefined) break;
  }
  expect(Buffer.concat(parts).equals(body)).toBe(true);
  again.send(MESSAGE.data, resumed.channel, { head: HEAD, end: '' });
  expect((await reply).status).toBe(200);
});

test('an agent that dials anew before its old link is seen to be lost takes its requests along', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url);
  const { json } = await agent.next(MESSAGE.request);
  const present = [{ ticket: json['ticket'], have: 0 }];
  const again = await linkedAgent(hub.url, token, { hello: { former: formerOf(agent), present } });
  const { channel } = await again.next(MESSAGE.resumed);
  again.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'here');
  expect(await (await reply).text()).toBe('here');
});

test('a request that never reached its agent runs at once, whatever its method', async () => {
  const { hub, token } = await linkHere({ leaseMs: 20_000 });
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  await agent.next(MESSAGE.request);
  agent.ws.terminate();
  const again = await linkedAgent(hub.url, token, { hello: { former: formerOf(agent) } });
  const { channel, json } = await again.next(MESSAGE.request);
  expect(json['attempt']).toBe(2);
  again.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'here');
  expect(await (await reply).text()).toBe('here');
});

test('an agent that does not come back has lost its requests after a lease', async () => {
  const { hub, token } = await linkHere();
  const agent = await linkedAgent(hub.url, token, { slots: 2 });
  const post = fetch(hub.url, { method: 'POST', body: 'x' });
  await agent.next(MESSAGE.request);
  const get = fetch(hub.url);
  await agent.next(MESSAGE.request);
  agent.ws.terminate();
  const other = await linkedAgent(hub.url, token);
  expect((await post).headers.get('router-error')).toBe('agent-lost');
  const { channel } = await other.next(MESSAGE.request);
  other.send(MESSAGE.data, channel, { head: HEAD, end: '' }, 'again');
  expect(await (await get).text()).toBe('again');
});

test('a ticket is good for the record that it was given to, and nobody can make one', async () => {
  const { hub, token, records, group } = await linkHere();
  const agent = await linkedAgent(hub.url, token);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { json } = await agent.next(MESSAGE.request);
  const ticket = String(json['ticket']);
  agent.ws.terminate();
  const other = await records.set('other', { group });
  await untilKnown(hub.url, other);
  const present = [ticket, `${ticket.slice(0, -3)}AAA`, 'x'].map((each) => ({ ticket: each, have: 0 }));
  const thief = await linkedAgent(hub.url, other, { hello: { former: formerOf(agent), present } });
  for (const each of present) expect((await thief.next(MESSAGE.gone)).json['ticket']).toBe(each.ticket);
  expect((await reply).headers.get('router-error')).toBe('agent-lost');
});
