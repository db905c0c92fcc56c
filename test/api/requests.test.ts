import { expect, onTestFinished, test } from 'vitest';
import { apiHere, problemOf, type Answer, type ApiClient } from '../support/api.ts';
import { startAsking, type AskOptions } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, expectNothingLeft, redisHere, upstreamHere, waitForQueued } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

interface Shown {
  readonly id: string;
  readonly group: string;
  readonly state: string;
  readonly method: string;
  readonly target: string;
  readonly instance: string | null;
}

const itemsOf = ({ body }: Answer) => (body as { items: Shown[] }).items;

/** A hub, an agent with so many slots, and an upstream that never answers. */
async function start(concurrency = 1) {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.patch('/v1/groups/default', { leaseMs: 900 });
  const counter = countCalls((req, res) => {
    if (req.url === '/stream') res.write('begun');
  });
  const upstream = await upstreamHere(counter.listener);
  const agent = await agentHere(redis.url, 'default', upstream.url, { concurrency, name: 'slow' });
  const hub = await configuredHub(redis.url);
  const send = (path: string, options: AskOptions = {}) => {
    const asked = startAsking(hub.url + path, options);
    onTestFinished(() => asked.disconnect());
    return asked;
  };
  return { redis, api, counter, agent, hub, send };
}

function inState(api: ApiClient, state: string, count = 1, query = ''): Promise<Shown[]> {
  const found = async () => {
    const items = itemsOf(await api.get(`/v1/requests${query}`)).filter((each) => each.state === state);
    return items.length === count && items;
  };
  return waitFor(found, { what: `${count} requests in state ${state}` });
}

test('requests that wait and that run are listed, page by page', async () => {
  const { redis, api, send } = await start();
  send('/run?a=1', { method: 'POST', body: 'x' });
  const [running] = await inState(api, 'running');
  expect(running).toMatchObject({
    group: 'default',
    method: 'POST',
    target: '/run?a=1',
    hub: running?.id.split('-')[0],
    instance: expect.stringMatching(/^slow\./) as string,
    attempt: 1,
  });
  for (let i = 0; i < 5; i++) {
    send(`/wait/${i}`);
    await waitForQueued(redis.url, 'default', i + 1);
  }
  const [oldest] = await inState(api, 'waiting', 5);
  expect(oldest).toMatchObject({ target: '/wait/0', method: 'GET', instance: null });

  const seen: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const after = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const page = (await api.get(`/v1/requests?limit=2${after}`)).body as {
      items: Shown[];
      next: string | null;
    };
    expect(page.items.length).toBeLessThanOrEqual(2);
    seen.push(...page.items.map(({ target }) => target));
    next = page.next;
  }
  expect(seen).toEqual(['/wait/0', '/wait/1', '/wait/2', '/wait/3', '/wait/4', '/run?a=1']);
  expect(itemsOf(await api.get('/v1/requests?group=other'))).toEqual([]);
  expect(problemOf(await api.get('/v1/requests?after=x'))).toMatchObject({ status: 422, paths: ['after'] });
  for (const id of ['99999999999999999999-0', '0-18446744073709551616', '18446744073709551615-0']) {
    const answer = await api.get(`/v1/requests?after=default%20waiting%20${id}`);
    expect(problemOf(answer)).toMatchObject({ status: 422, paths: ['after'] });
  }
  expect((await api.get('/v1/requests?after=default%20waiting%200-0')).status).toBe(200);
});

test('a request that waits is cancelled: it never runs, and its client hears of it', async () => {
  const { api, counter, send } = await start();
  send('/run');
  await inState(api, 'running');
  const waiting = send('/wait');
  const [{ id } = { id: '' }] = await inState(api, 'waiting');
  const cancelled = await api.delete(`/v1/requests/${id}`);
  expect(cancelled).toMatchObject({ status: 200, body: { id, outcome: 'removed' } });
  const outcome = await waiting.outcome;
  expect([outcome.status, outcome.headers['router-error']]).toEqual([503, 'cancelled']);
  expect(counter.calls).toEqual(['/run']);
  expect(problemOf(await api.delete(`/v1/requests/${id}`))).toEqual({ status: 404, code: 'not-found' });
});

test.each([
  ['before its reply', '/silent', 'answered', 503],
  ['in the middle of its reply', '/stream', 'broken', 200],
])('a request that runs is cancelled %s: its upstream call is cut', async (_when, path, how, status) => {
  const { redis, api, counter, send } = await start();
  const asked = send(path);
  if (path === '/stream') await asked.received('begun');
  const [{ id } = { id: '' }] = await inState(api, 'running');
  const cancelled = await api.delete(`/v1/requests/${id}`);
  expect(cancelled.body).toEqual({ id, outcome: 'running' });
  expect(await asked.outcome).toMatchObject({ outcome: how, status });
  await waitFor(() => counter.running === 0, { timeoutMs: 2_000, what: 'the upstream call to be cut' });
  await expectNothingLeft(redis.url, 'default');
});

test('a request for a scope is found where it waits, and where it runs', async () => {
  const { redis, api, send } = await start();
  await api.create('agent', { name: 'gpu', group: 'default', scopes: ['gpu'] });
  await api.create('route', {
    name: 'gpu',
    match: { path: '/gpu/*' },
    groups: [{ group: 'default' }],
    scope: 'gpu',
  });
  const token = (await api.post('/v1/agents/gpu/rotate')).body as { token: string };
  const upstream = await upstreamHere(() => undefined);
  await agentHere(redis.url, 'default', upstream.url, {
    token: token.token,
    concurrency: 1,
    name: 'with-gpu',
  });
  await waitFor(async () => JSON.stringify((await api.get('/v1/instances')).body).includes('with-gpu'), {
    what: 'the agent to be seen',
  });
  // The hub knows the lane of that scope from its next sweep on.
  const runs = await waitFor(
    async () => {
      const asked = send('/gpu/run');
      let isOver = false;
      void asked.outcome.then(() => (isOver = true));
      const isRunning = async () => itemsOf(await api.get('/v1/requests')).length === 1;
      await waitFor(async () => isOver || (await isRunning()), {
        what: 'the request to run or to be refused',
      });
      return !isOver && asked;
    },
    { what: 'a request to run there' },
  );
  const waits = send('/gpu/wait');
  const [waiting] = await inState(api, 'waiting');
  expect(waiting).toMatchObject({ target: '/gpu/wait' });
  expect((await api.delete(`/v1/requests/${waiting?.id}`)).body).toMatchObject({ outcome: 'removed' });
  expect((await waits.outcome).status).toBe(503);
  const [running] = await inState(api, 'running');
  expect(running?.instance).toMatch(/^with-gpu\./);
  expect((await api.delete(`/v1/requests/${running?.id}?group=default`)).body).toMatchObject({
    outcome: 'running',
  });
  expect((await runs.outcome).status).toBe(503);
});

test('who has cancelled what is in the audit log', async () => {
  const { api, send } = await start();
  send('/run');
  const [{ id } = { id: '' }] = await inState(api, 'running');
  const operator = await api.admin('operator', 'op');
  await operator.delete(`/v1/requests/${id}`);
  const { items } = (await api.get('/v1/audit?actor=op')).body as { items: object[] };
  expect(items).toMatchObject([{ action: 'cancel', actor: { name: 'op', ip: '127.0.0.1' }, request: id }]);
});
