import { expect, test } from 'vitest';
import { apiHere, problemOf, type Answer, type ApiClient } from '../support/api.ts';
import { startAsking } from '../support/ask.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

interface Group {
  readonly name: string;
  readonly slots: number;
  readonly waiting: number;
  readonly running: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly errorRate: number | null;
  readonly instances: { readonly name: string; readonly slots: number; readonly state: string }[];
}

const groupsOf = ({ body }: Answer) => (body as { groups: Group[] }).groups;

function untilGroup(api: ApiClient, what: string, isSo: (group: Group) => boolean): Promise<Group> {
  const found = async () => groupsOf(await api.get('/v1/status')).find((group) => isSo(group));
  return waitFor(found, { timeoutMs: 8_000, what });
}

test('shows hubs, groups and their instances as they are', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  expect((await api.get('/v1/status')).body).toEqual({ version: 0, hubs: [], groups: [] });
  const token = await api.create('agent', { name: 'box', group: 'default', concurrency: 3 });
  const upstream = await upstreamHere((req, res) => void (req.url === '/quick' && res.end('served')));
  await agentHere(redis.url, 'default', upstream.url, { name: 'shared', concurrency: 1 });
  await agentHere(redis.url, 'default', upstream.url, { token, name: 'own', concurrency: 5 });
  const hub = await configuredHub(redis.url);
  expect(await (await fetch(`${hub.url}/quick`)).text()).toBe('served');
  const asked = startAsking(`${hub.url}/slow`);

  const group = await untilGroup(
    api,
    'a running request',
    ({ running, slots }) => running === 1 && slots === 4,
  );
  expect(group).toMatchObject({ name: 'default', configured: true, paused: false, waiting: 0, queued: 0 });
  const instances = (await api.get('/v1/instances')).body as { items: object[]; next: null };
  expect(instances.next).toBeNull();
  expect(instances.items).toMatchObject([
    { name: 'own', agent: 'box', group: 'default', concurrency: 5, slots: 3 },
    { name: 'shared', agent: null, tokenId: null, concurrency: 1, slots: 1, state: 'ready', reason: null },
  ]);
  const [own] = instances.items;
  expect((await api.get('/v1/agents/box/instances')).body).toMatchObject({
    items: [{ name: 'own' }],
    next: null,
  });
  expect((await api.get('/v1/instances?limit=1')).body).toMatchObject({ items: [own] });
  expect((await api.get('/v1/instances?group=other')).body).toEqual({ items: [], next: null });
  expect(problemOf(await api.get('/v1/agents/none/instances'))).toMatchObject({ status: 404 });

  const hubs = await waitFor(
    async () => {
      const { body } = await api.get('/v1/status');
      const seen = body as {
        version: number;
        hubs: { inFlight: number; groups: { default: { served: number } } }[];
      };
      return seen.hubs[0]?.inFlight === 1 && seen.hubs[0].groups.default.served > 0 && seen;
    },
    { what: 'the report of the hub' },
  );
  expect(hubs.hubs[0]?.groups.default).not.toHaveProperty('times');
  expect(hubs.hubs).toMatchObject([
    { version: '0.1.0', configVersion: hubs.version, address: `127.0.0.1:${hub.port}` },
  ]);
  asked.disconnect();
  await hub.close();
  expect((await api.get('/v1/status')).body).toMatchObject({ hubs: [] });
});

test('a group that is paused lets its requests wait, and an agent that is paused pulls nothing', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.patch('/v1/groups/default', { leaseMs: 1_500 });
  const token = await api.create('agent', { name: 'box', group: 'default' });
  const upstream = await upstreamHere((_req, res) => void res.end('served'));
  await agentHere(redis.url, 'default', upstream.url, { token, concurrency: 2 });
  const hub = await configuredHub(redis.url);
  await untilGroup(api, 'slots', ({ slots }) => slots === 2);
  const asks = () => startAsking(hub.url);
  await untilGroup(
    api,
    'no latency of what was never asked',
    ({ p50Ms, p99Ms }) => p50Ms === null && p99Ms === null,
  );
  expect((await asks().outcome).status).toBe(200);
  const served = await untilGroup(api, 'how long it took', ({ p50Ms }) => p50Ms !== null);
  expect(served.p50Ms).toBeGreaterThan(0);
  expect(served.errorRate).toBe(0);
  expect(served.p99Ms).toBeGreaterThanOrEqual(served.p50Ms ?? Infinity);

  expect((await api.post('/v1/groups/default/pause')).body).toMatchObject({ paused: true });
  const held = asks();
  await untilGroup(api, 'a request to wait', ({ waiting }) => waiting === 1);
  await api.post('/v1/groups/default/resume');
  expect((await held.outcome).status).toBe(200);

  expect((await api.post('/v1/agents/box/pause')).body).toMatchObject({ paused: true });
  await untilGroup(api, 'no slot', ({ slots }) => slots === 0);
  const also = asks();
  await untilGroup(api, 'a request to wait', ({ waiting }) => waiting === 1);
  expect((await api.post('/v1/agents/box/resume')).body).toMatchObject({ paused: false });
  expect((await also.outcome).status).toBe(200);

  expect((await api.post('/v1/agents/box/drain')).body).toMatchObject({ draining: true });
  await untilGroup(
    api,
    'the agent to drain',
    ({ slots, instances }) => slots === 0 && instances[0]?.state === 'draining',
  );
  expect(problemOf(await api.post('/v1/agents/none/drain'))).toEqual({ status: 404, code: 'not-found' });
});
