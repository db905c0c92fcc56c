import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { linkHere } from './support/link-here.ts';
import { linkedAgent } from './support/scripted-agent.ts';

const LEASE_MS = 2_000;

test('a link that was silent while it was idle is asked for a word, and not cut, when a request comes', async () => {
  const { hub, token } = await linkHere({ leaseMs: LEASE_MS });
  const agent = await linkedAgent(hub.url, token);
  // With a request on it, a link is given up after a third of the lease.
  await sleep(LEASE_MS / 2);
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { channel } = await agent.next(MESSAGE.request);
  await sleep(LEASE_MS / 2);
  agent.send(MESSAGE.data, channel, { head: '200\n\n1\n', end: '' }, 'in time');
  expect(await (await reply).text()).toBe('in time');
  expect(agent.ws.readyState).toBe(agent.ws.OPEN);
});
