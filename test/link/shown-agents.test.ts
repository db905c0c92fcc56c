import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { apiHere } from '../support/api.ts';
import { configuredHub } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkedAgent } from './support/scripted-agent.ts';

interface Instance {
  readonly id: string;
  readonly name: string;
  readonly inFlight: number;
}

test('operators see linked agents as instances with the hub that carries them, and never the relay', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const token = await api.create('agent', { name: 'gpu', group: 'default', concurrency: 3 });
  const other = await api.create('agent', { name: 'cpu', group: 'default' });
  const hub = await configuredHub(redis.url);
  const agent = await linkedAgent(hub.url, token, { slots: 2 });
  const second = await linkedAgent(hub.url, other, { slots: 4, hello: { name: 'second' } });

  const asked = fetch(`${hub.url}/slow`);
  const taken = await Promise.race(
    [agent, second].map(async (each) => {
      const { channel } = await each.next(MESSAGE.request);
      return { each, channel, name: each === agent ? 'scripted' : 'second' };
    }),
  );
  const instances = async () => ((await api.get('/v1/instances')).body as { items: Instance[] }).items;
  const running = await waitFor(async () => (await instances()).find(({ inFlight }) => inFlight === 1), {
    timeoutMs: 10_000,
    what: 'a linked agent that runs a request',
  });
  expect(running.name).toBe(taken.name);
  expect(await instances()).toMatchObject([
    { name: 'scripted', agent: 'gpu', group: 'default', concurrency: 2, slots: 2, state: 'ready' },
    {
      name: 'second',
      agent: 'cpu',
      concurrency: 4,
      slots: 4,
      link: { hubName: expect.any(String) as string },
    },
  ]);
  const { groups } = (await api.get('/v1/status')).body as { groups: object[] };
  expect(groups).toMatchObject([{ name: 'default', slots: 6, running: 1 }]);
  expect((await api.get('/v1/agents/gpu/instances')).body).toMatchObject({ items: [{ agent: 'gpu' }] });
  // The request is the linked agent's, too.
  expect((await api.get('/v1/requests')).body).toMatchObject({
    items: [{ state: 'running', instance: running.id }],
  });
  taken.each.send(MESSAGE.data, taken.channel, { head: '200\n\n1\n', end: '' }, 'done');
  expect((await asked).headers.get('router-agent')).toBe(running.id);
});
