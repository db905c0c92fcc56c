import { expect, onTestFinished, test } from 'vitest';
import { apiHere, type ApiClient } from '../support/api.ts';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, upstreamHere } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { clusterHere } from '../support/redis-cluster.ts';
import { waitFor } from '../support/wait.ts';
import { hasClusters } from '../support/engine.ts';

// A Cluster of three masters, with a password, and agents with tokens: what the router does to Redis is done once, and no
// command names keys of two slots.

const OPTIONS = { timeout: 60_000 };
const LEASE_MS = 1_500;

interface Shown {
  readonly id: string;
  readonly group: string;
  readonly state: string;
}

async function start() {
  const cluster = await clusterHere({ password: 'of-the-router' });
  const { storeUrl } = cluster;
  const agentUrl = storeUrl.replace(/\/\/.*@/, '//');
  const api = await apiHere(storeUrl);
  const groups = [0, 1, 2].map((master) => cluster.groupOn(master)) as [string, string, string];
  const rate = { requests: 1_000, perMs: 1_000, burst: 50 };
  const headers = { 'router-token': await api.create('app', { name: 'shop', concurrency: 5, rate }) };
  const tokens: string[] = [];
  for (const name of groups) {
    await api.create('group', { name, concurrency: 8, leaseMs: LEASE_MS });
    const target = { match: { path: `/${name}/*` }, groups: [{ group: name }] };
    await api.create('route', { name, ...target, auth: 'app' });
    tokens.push(await api.create('agent', { name: `of-${name}`, group: name, concurrency: 4 }));
  }
  const hub = await configuredHub(storeUrl);
  const counter = countCalls((req, res) => {
    if (req.url?.endsWith('/hold')) res.write('held');
    else req.pipe(res);
  });
  const upstream = await upstreamHere(counter.listener);
  return { cluster, api, groups, headers, tokens, hub, counter, upstream: upstream.url, agentUrl };
}

type Started = Awaited<ReturnType<typeof start>>;

test.skipIf(!hasClusters())(
  'one of everything, in groups of all three nodes, and no CROSSSLOT',
  OPTIONS,
  async () => {
    const started = await start();
    const { cluster, api, groups, tokens, hub, upstream, agentUrl, headers } = started;
    // Their logins work on the node of their group, and on that of their card.
    for (const [i, token] of tokens.entries()) {
      await agentHere(agentUrl, '', upstream, { token, name: `box-${i}` });
    }
    const body = 'x'.repeat(3_000_000);
    for (const name of groups) {
      const small = await ask(`${hub.url}/${name}/`, { method: 'POST', headers, body: 'small' });
      expect(small).toMatchObject({ status: 200, body: 'small' });
      // More than the windows of both directions.
      const large = await ask(`${hub.url}/${name}/`, { method: 'POST', headers, body });
      expect(large.body.length).toBe(body.length);
    }
    await abortAndLeave(started);
    await loseAnAgent(started);

    const status = (await api.get('/v1/status')).body as { groups: { name: string; instances: unknown[] }[] };
    const shown = Object.fromEntries(status.groups.map(({ name, instances }) => [name, instances.length]));
    expect(shown).toEqual({ ...Object.fromEntries(groups.map((name) => [name, 1])), default: 0 });
    await dropGroup(started);

    const refused = await Promise.all(cluster.masters.map((node) => cluster.on(node, 'INFO', 'errorstats')));
    expect(refused.join('')).not.toMatch(/CROSSSLOT/);
  },
);

async function abortAndLeave({ api, groups, hub, headers, counter }: Started): Promise<void> {
  const [held, left] = [groups[0], groups[1]].map((name) =>
    startAsking(`${hub.url}/${name}/hold`, { headers }),
  );
  await Promise.all([held?.received('held'), left?.received('held')]);
  left?.disconnect();
  await waitFor(() => counter.running === 1, { what: 'the call of who left to end' });
  const { items } = (await api.get('/v1/requests')).body as { items: Shown[] };
  expect(items).toMatchObject([{ group: groups[0], state: 'running' }]);
  expect((await api.delete(`/v1/requests/${items[0]?.id}`)).status).toBeLessThan(300);
  expect((await held?.outcome)?.outcome).toBe('broken');
  const audit = (await api.get('/v1/audit?limit=1')).body as { items: { action: string }[] };
  expect(audit.items).toMatchObject([{ action: 'cancel' }]);
}

/** The sweep takes its request, another agent answers it. */
async function loseAnAgent({
  api,
  groups,
  hub,
  headers,
  counter,
  upstream,
  agentUrl,
}: Started): Promise<void> {
  const [, , group] = groups;
  const isThere = (name: string) => async () => (await namesOf(api, group)).includes(name);
  const token = await api.create('agent', { name: 'lost', group });
  const flags = ['--token', token, '--upstream', upstream, '--name', 'lost', '--concurrency', '64'];
  const lost = launch('router-core', ['agent', '--redis', agentUrl, ...flags]);
  onTestFinished(() => lost.kill('SIGKILL'));
  await waitFor(isThere('lost'), { timeoutMs: 20_000, what: 'the agent to join' });
  const asked = Array.from({ length: 5 }, () => startAsking(`${hub.url}/${group}/hold`, { headers }));
  await Promise.all(asked.map((each) => each.received('held')));
  await lost.kill('SIGKILL');
  for (const each of asked) each.disconnect();
  await waitFor(async () => !(await isThere('lost')()), { what: 'the sweep to notice' });
  await waitFor(() => counter.running === 0, { what: 'all calls to end' });
  expect((await api.delete('/v1/agents/lost')).status).toBeLessThan(300);
}

async function namesOf(api: ApiClient, group: string): Promise<string[]> {
  const { items } = (await api.get('/v1/instances')).body as { items: { name: string; group: string }[] };
  return items.filter((each) => each.group === group).map(({ name }) => name);
}

/** A removed group leaves its node. */
async function dropGroup({ api, cluster, groups }: Started): Promise<void> {
  const [name] = groups;
  for (const path of [`agents/of-${name}`, `routes/${name}`, `groups/${name}`]) {
    expect((await api.delete(`/v1/${path}`)).status).toBeLessThan(300);
  }
  const [node] = cluster.masters;
  const keys = () => cluster.on<string[]>(node, 'KEYS', `mr:{${name}}:*`);
  expect(await keys()).not.toEqual([]);
  await waitFor(async () => (await keys()).length === 0, {
    timeoutMs: 15_000,
    what: 'the keys of a group to go',
  });
}
