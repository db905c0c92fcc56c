import { request } from 'node:http';
import { expect, test } from 'vitest';
import { storeMetrics } from '../../router-core/redis/connection/store-metrics.ts';
import { ask } from '../support/ask.ts';
import { configure, configuredHub } from '../support/config.ts';
import { scrapeSources } from '../support/metrics.ts';
import { agentHere, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const REQUESTS = 'mini_router_hub_requests_total';

const slowUpstream = () =>
  upstreamHere((req, res) => {
    const [, status = '200', ms = '0'] = (req.url ?? '').split('/');
    setTimeout(() => res.writeHead(Number(status)).end('ok'), Number(ms));
  });

test('requests are counted by group, route and code, their times by group', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await slowUpstream();
  const hub = await hubHere(url, group);
  await agentHere(url, group, upstream.url);
  const route = `--group ${group}=/*`;

  for (const path of ['/200/60', '/200/60', '/404/0', '/503/0']) await ask(`${hub.url}${path}`);

  const scrape = await scrapeSources(hub.metrics, storeMetrics());
  const count = (code: string) => scrape.sum(REQUESTS, { group, route, code });
  expect([count('200'), count('404'), count('503'), count('502')]).toEqual([2, 1, 1, undefined]);
  for (const name of ['queue', 'upstream', 'request']) {
    expect(scrape.sum(`mini_router_hub_${name}_seconds_count`, { group })).toBe(4);
  }
  // Two of 60 ms at the upstream; timers may fire a little early.
  expect(scrape.sum('mini_router_hub_upstream_seconds_sum', { group })).toBeGreaterThan(0.11);
  expect(scrape.sum('mini_router_hub_request_seconds_sum', { group })).toBeGreaterThan(0.11);
  expect(scrape.sum('mini_router_hub_upstream_seconds_bucket', { group, le: '0.05' })).toBe(2);
  expect(scrape.sum('mini_router_hub_upstream_seconds_bucket', { group, le: '+Inf' })).toBe(4);
  expect(scrape.sum('mini_router_store_seconds_count', { script: 'admit' })).toBeGreaterThan(0);
});

test('what the router itself answers is counted by its code, also when no route was found', async () => {
  const { url } = await redisHere();
  await configure(url, {
    groups: [{ name: 'empty', queue: { waitMs: 0 } }],
    routes: [{ name: 'to-empty', match: { path: '/empty' }, groups: [{ group: 'empty' }], auth: 'none' }],
  });
  const hub = await configuredHub(url);
  await ask(`${hub.url}/empty`);
  await ask(`${hub.url}/nowhere/${'x'.repeat(20)}`);
  await ask(`${hub.url}/also-nowhere`);

  const scrape = await scrapeSources(hub.metrics);
  expect(scrape.sum(REQUESTS, { group: 'empty', route: 'to-empty', code: '503' })).toBe(1);
  expect(scrape.sum(REQUESTS, { group: '', route: '', code: '404' })).toBe(2);
  const problem = (name: string) => scrape.sum('mini_router_hub_problems_total', { problem: name });
  expect([problem('no-agent'), problem('no-route'), problem('deadline')]).toEqual([1, 2, undefined]);
});

test('a client that leaves is counted as 499 and as a cancel; what waits shows while it waits', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await slowUpstream();
  const hub = await hubHere(url, group);
  await agentHere(url, group, upstream.url, { concurrency: 1 });

  const first = ask(`${hub.url}/200/400`);
  const inState = async (state: string) =>
    (await scrapeSources(hub.metrics)).sum('mini_router_hub_requests_in_progress', { group, state });
  await waitFor(async () => (await inState('handed')) === 1, { what: 'the first to be handed over' });
  const second = request(`${hub.url}/200/0`)
    .on('error', () => {})
    .end();
  await waitFor(async () => (await inState('waiting')) === 1, { what: 'the second to wait' });
  second.destroy();
  await first;

  const scrape = await waitFor(
    async () => {
      const found = await scrapeSources(hub.metrics);
      return found.sum(REQUESTS, { group, code: '499' }) === 1 && found;
    },
    { what: 'the client that left to be counted' },
  );
  expect(scrape.sum('mini_router_hub_cancels_total', { group })).toBe(1);
  expect(scrape.sum(REQUESTS, { group, code: '200' })).toBe(1);
  expect(scrape.sum('mini_router_hub_requests_in_progress', { group })).toBe(0);
  expect(scrape.sum('mini_router_hub_capacity')).toBe(4_096);
});

test('what an agent gives back is counted where it happened, and so are sweeps', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await slowUpstream();
  const gone = await slowUpstream();
  const hub = await hubHere(url, group);
  // Both instances of one agent take requests until one of them finds that its upstream refuses connections.
  const agent = await agentHere(url, group, [gone.url, upstream.url], { name: 'both', concurrency: 1 });
  await gone.close();
  const scrape = () => scrapeSources(hub.metrics, agent.metrics);
  const redeliveries = async () => (await scrape()).sum('mini_router_hub_redeliveries_total', { group });
  for (let i = 0; i < 50 && (await redeliveries()) === 0; i++) {
    await Promise.all([ask(`${hub.url}/200/20`), ask(`${hub.url}/200/20`)]);
  }

  const found = await scrape();
  const ofGone = { group, agent: 'both-1' };
  expect(found.sum('mini_router_hub_redeliveries_total', { group })).toBe(1);
  expect(found.sum('mini_router_agent_requeued_total', ofGone)).toBe(1);
  expect(found.sum('mini_router_agent_upstream_failures_total', { ...ofGone, reason: 'unreached' })).toBe(1);
  expect(found.sum('mini_router_agent_upstream_up', ofGone)).toBe(0);
  expect(found.sum('mini_router_agent_capacity', ofGone)).toBe(0);
  expect(found.sum('mini_router_agent_capacity', { group, agent: 'both-2' })).toBe(1);
  const answered = found.sum(REQUESTS, { group, code: '200' });
  expect(found.sum('mini_router_agent_requests_total', { group, code: '200' })).toBe(answered);
  expect(found.sum('mini_router_agent_request_seconds_count', { group })).toBe((answered ?? 0) + 1);
  expect(found.sum('mini_router_hub_sweeps_total', { group, result: 'ok' })).toBeGreaterThan(0);
  expect(found.sum('mini_router_hub_orphans_total', { group })).toBe(0);
});

test('values of labels come from the configuration only, and go with it', async () => {
  const { url } = await redisHere();
  const group = { name: 'g', queue: { waitMs: 0 } };
  const route = { match: { path: '/*' }, groups: [{ group: 'g' }], auth: 'none' as const };
  await configure(url, { groups: [group], routes: [{ name: 'old', ...route }] });
  const hub = await configuredHub(url);
  for (let i = 0; i < 20; i++) await ask(`${hub.url}/${i}?secret=${i}`, { headers: { 'x-client': `c${i}` } });
  const series = async () => {
    const { samples } = await scrapeSources(hub.metrics);
    return samples.filter(({ name }) => name === REQUESTS).map(({ labels }) => labels['route']);
  };
  expect(new Set(await series())).toEqual(new Set(['old']));

  await configure(url, {
    routes: [{ name: 'new', ...route }],
    removed: [{ kind: 'route', name: 'old' }],
  });
  await waitFor(
    async () => {
      await ask(`${hub.url}/y`);
      return (await series()).join() === 'new';
    },
    { what: 'the removed route to be forgotten' },
  );
});
