import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { apiHere } from '../support/api.ts';
import { ask, type Outcome } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configuredHub } from '../support/config.ts';
import { shortOrLong, SLACK_MS } from '../faults/support/form.ts';
import { agentHere, upstreamHere } from '../support/parts.ts';
import type { TestRedis } from '../support/redis.ts';
import { clusterHere } from '../support/redis-cluster.ts';
import { waitFor } from '../support/wait.ts';
import { hasClusters } from '../support/engine.ts';

// One master of three goes, its replica takes over. It is the one that has the configuration, too.

const SERVING_MS = 4_000 + SLACK_MS;
const OPTIONS = { timeout: 60_000 };
/** The master with slot 13938, of the tag `/config`. */
const KILLED = 2;

async function start() {
  const cluster = await clusterHere({ withReplicas: true, password: 'of-the-router' });
  const { storeUrl } = cluster;
  const api = await apiHere(storeUrl);
  const groups = [0, 1, 2].map((master) => cluster.groupOn(master));
  const counter = countCalls(
    (req, res) => void req.on('end', () => setTimeout(() => res.end('done'), 5)).resume(),
  );
  const upstream = await upstreamHere(counter.listener);
  const agentUrl = storeUrl.replace(/\/\/.*@/, '//');
  const tokens: string[] = [];
  for (const name of groups) {
    await api.create('group', { name, leaseMs: 2_000, timeouts: { totalMs: 8_000 } });
    await api.create('route', { name, match: { path: `/${name}/*` }, groups: [{ group: name }] });
    tokens.push(await api.create('agent', { name: `of-${name}`, group: name, concurrency: 4 }));
  }
  for (const [i, token] of tokens.entries()) {
    await agentHere(agentUrl, '', upstream.url, { token, name: `box-${i}` });
  }
  const hub = await configuredHub(storeUrl);
  return { cluster, api, groups, hub, counter };
}

type Started = Awaited<ReturnType<typeof start>>;

function isServed(loads: readonly ReturnType<typeof load>[], from: number): () => boolean {
  const isGood = ({ status, sentAt }: Timed) => status === 200 && sentAt > from;
  return () => loads.every(({ outcomes }) => outcomes.filter(isGood).length > 20);
}

type Timed = Outcome & { sentAt: number };

/** Sends one request after the other to a group, until told to stop. */
function load(url: string, method: 'GET' | 'POST'): { outcomes: Timed[]; stop: () => Promise<void> } {
  const outcomes: Timed[] = [];
  const stopping = new AbortController();
  const sendForEver = async (client: number) => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      const sentAt = performance.now();
      outcomes.push({
        ...(await ask(`${url}/${client}/${i}`, { method, ...(method === 'POST' && { body: 'x' }) })),
        sentAt,
      });
      await sleep(10);
    }
  };
  const clients = Promise.all([1, 2, 3].map(sendForEver));
  const stop = async () => {
    stopping.abort();
    await clients;
  };
  onTestFinished(stop);
  return { outcomes, stop };
}

/**
 * A POST and a GET wait while something else runs. Whether somebody has pulled them from the master that is about to go, its
 * replica may not have heard: only what may run twice is run.
 */
async function someWait(
  group: string,
  { api, hub, storeUrl }: Pick<Started, 'api' | 'hub'> & { storeUrl: string },
) {
  const held: ServerResponse[] = [];
  const counter = countCalls(
    (req, res) => void (req.url?.endsWith('/held') ? held.push(res) : res.end('run')),
  );
  const upstream = await upstreamHere(counter.listener);
  await api.create('group', { name: group, leaseMs: 2_000 });
  await api.create('route', { name: group, match: { path: `/${group}/*` }, groups: [{ group }] });
  await agentHere(storeUrl, group, upstream.url, { concurrency: 1, name: 'busy' });
  const ready = async () => (await ask(`${hub.url}/${group}/ready`)).status === 200;
  await waitFor(ready, { what: 'the group to be served' });
  const first = ask(`${hub.url}/${group}/held`);
  await waitFor(() => held.length === 1, { what: 'the call that holds the agent' });
  const [post, get] = ['POST', 'GET'].map((method) => ask(`${hub.url}/${group}/waits`, { method }));
  const isWaiting = async () => {
    const { items } = (await api.get(`/v1/requests?group=${group}`)).body as { items: { state: string }[] };
    return items.filter(({ state }) => state === 'waiting').length === 2;
  };
  await waitFor(isWaiting, { what: 'both to wait' });
  return {
    async expectOnlyTheGetRuns() {
      held[0]?.end('done');
      expect(await first).toMatchObject({ status: 200, body: 'done' });
      expect(await post).toMatchObject({ status: 502, headers: { 'router-error': 'agent-lost' } });
      expect(await get).toMatchObject({ status: 200, body: 'run' });
      expect(counter.calls.filter((path) => path.endsWith('/waits'))).toHaveLength(1);
    },
  };
}

test.skipIf(!hasClusters())('a master hands over to its replica: nobody notices', OPTIONS, async () => {
  const { cluster, groups, hub, counter } = await start();
  const loads = groups.map((name) => load(`${hub.url}/${name}`, 'GET'));
  await waitFor(isServed(loads, 0), { what: 'all groups to be served' });
  await cluster.on(cluster.replicas[KILLED] as TestRedis, 'CLUSTER', 'FAILOVER');
  await cluster.failedOver(KILLED);
  await waitFor(isServed(loads, performance.now()), { timeoutMs: 6_000, what: 'all groups to be served' });
  await Promise.all(loads.map(({ stop }) => stop()));
  for (const { outcomes } of loads) expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
  expect(new Set(counter.calls).size).toBe(counter.calls.length);
});

/** A frozen master looks well from far away: its sockets stay open, until a command has not been answered for 4 s. */
const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const;

test.skipIf(!hasClusters()).each(SIGNALS.slice(0, shortOrLong(1, 2)))(
  'a master gets %s: its group is served by the replica, the others all the time, and no POST runs twice',
  OPTIONS,
  async (signal) => {
    const { cluster, api, groups, hub, counter } = await start();
    const loads = groups.map((name) => load(`${hub.url}/${name}`, 'POST'));
    await waitFor(isServed(loads, 0), { what: 'all groups to be served' });

    const name = groups[KILLED] ?? '';
    const waiting = await someWait(cluster.groupOn(KILLED), { api, hub, storeUrl: cluster.storeUrl });
    await cluster.masters[KILLED].kill(signal);
    const killedAt = performance.now();
    await cluster.failedOver(KILLED);
    // Those in flight may wait for answers that were lost with the master: new ones do not.
    let again = 0;
    const isServedAgain = async () => {
      const { status } = await ask(`${hub.url}/${name}/again/${again++}`, { timeoutMs: 2_000 });
      return status === 200;
    };
    await waitFor(isServedAgain, { timeoutMs: SERVING_MS, what: 'its group to be served again' });
    await waitFor(async () => (await api.patch(`/v1/groups/${name}`, { concurrency: 7 })).status === 200, {
      what: 'the configuration to be changed',
    });
    await Promise.all(loads.map(({ stop }) => stop()));
    await waiting.expectOnlyTheGetRuns();

    for (const [i, { outcomes }] of loads.entries()) {
      const bad = outcomes.filter(({ status }) => status !== 200);
      if (i !== KILLED) expect(bad).toEqual([]);
      expect(bad.filter(({ status }) => ![502, 503, 504].includes(status))).toEqual([]);
      const slow = outcomes.filter(({ sentAt, elapsedMs }) => sentAt > killedAt && elapsedMs > 1_500);
      if (i !== KILLED) expect(slow).toEqual([]);
    }
    expect(new Set(counter.calls).size).toBe(counter.calls.length);
  },
);
