import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { configure } from '../support/config.ts';
import { Scrape } from '../support/metrics.ts';
import { agentHere, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
import { startAsking } from '../support/ask.ts';
import { waitFor } from '../support/wait.ts';

test('/metrics of router-api takes the token of a viewer, unless it is opened', async () => {
  const { url } = await redisHere();
  const api = await apiHere(url);
  const viewer = await api.admin('viewer');
  expect((await api.get('/metrics', { token: null })).status).toBe(401);
  expect((await viewer.get('/metrics')).headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const open = await apiHere(url, { openMetrics: true });
  expect((await open.get('/metrics', { token: null })).status).toBe(200);
});

test('shows each group as it is in Redis, and its own answers by endpoint', async () => {
  const { url } = await redisHere();
  await configure(url, { groups: [{ name: 'busy', concurrency: 1 }, { name: 'idle' }] });
  const upstream = await upstreamHere(() => {});
  const api = await apiHere(url);
  const hub = await hubHere(url, 'busy');
  await agentHere(url, 'busy', upstream.url, { concurrency: 3 });
  const asked = [startAsking(hub.url), startAsking(hub.url)];
  await api.get('/v1/groups/busy');
  await api.get('/v1/groups/missing');
  await api.call('PURGE', '/v1/nothing/here');

  const scrape = await waitFor(
    async () => {
      const found = new Scrape((await api.get('/metrics')).text);
      return found.sum('mini_router_group_waiting', { group: 'busy' }) === 1 && found;
    },
    { what: 'one request to run and one to wait' },
  );
  const busy = (name: string) => scrape.sum(`mini_router_group_${name}`, { group: 'busy' });
  expect([busy('running'), busy('queued'), busy('permits'), busy('permits_limit')]).toEqual([1, 0, 1, 1]);
  expect([busy('capacity'), scrape.sum('mini_router_hubs')]).toEqual([3, 1]);
  expect(scrape.sum('mini_router_group_instances', { group: 'busy', state: 'ready' })).toBe(1);
  expect(scrape.sum('mini_router_group_waiting', { group: 'idle' })).toBe(0);
  expect(scrape.sum('mini_router_group_permits_limit', { group: 'idle' })).toBeUndefined();
  const answered = scrape.samples.filter(({ name }) => name === 'mini_router_api_requests_total');
  const endpoints = answered.map(({ labels }) => `${labels['endpoint']} ${labels['code']}`);
  expect(endpoints).toContain('GET /v1/groups/:name 200');
  expect(endpoints).toContain('GET /v1/groups/:name 404');
  // Neither a path nor a method of a client makes a series.
  expect(endpoints.filter((endpoint) => /PURGE|missing|nothing/.test(endpoint))).toEqual([]);
  for (const each of asked) each.disconnect();
});

test('says that Redis is away, and does not fail', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await redis.kill('SIGKILL');
  const scrape = await waitFor(
    async () => {
      const found = new Scrape((await api.get('/metrics')).text);
      return found.sum('mini_router_store_up') === 0 && found;
    },
    { what: 'the scrape to say so' },
  );
  expect(scrape.sum('mini_router_hubs')).toBeUndefined();
  expect(scrape.sum('mini_router_info', { part: 'api' })).toBe(1);
});
