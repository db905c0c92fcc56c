import { expect, test } from 'vitest';
import { freePort } from '../support/ports.ts';
import { scrapeUrl } from '../support/metrics.ts';
import { agentProcess, hubProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { ask } from '../support/ask.ts';
import { uniqueGroup, statusOf } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

test('one scrape of a hub with workers shows their sum, and clients see no metrics', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const [hubMetrics, agentMetrics] = [await freePort(), await freePort()];
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const scraped = (port: number) => scrapeUrl(`http://127.0.0.1:${port}/metrics`);
  const flags = ['--workers', '2', '--metrics-port', String(hubMetrics), '--max-in-flight', '100'];
  const hub = await hubProcess(url, group, flags);
  await agentProcess(url, group, upstream.url, {
    name: 'a',
    flags: ['--metrics-port', String(agentMetrics)],
  });
  await waitFor(async () => (await scraped(hubMetrics)).sum('mini_router_info', { part: 'hub' }) === 2, {
    what: 'both workers to be seen',
  });

  // Each on a connection of its own: the primary hands connections to its workers in turn.
  for (let i = 0; i < 10; i++) await ask(`${hub.url}/`);

  const found = await scraped(hubMetrics);
  expect(found.sum('mini_router_hub_requests_total', { group, code: '200' })).toBe(10);
  expect(found.sum('mini_router_hub_request_seconds_count', { group })).toBe(10);
  expect(found.sum('mini_router_hub_capacity')).toBe(200);
  const instances = async () => (await scraped(hubMetrics)).sum('mini_router_hub_group_instances', { group });
  // Each worker knows it from its own sweeps. What both say of the same group is not added up.
  await waitFor(async () => ((await instances()) ?? 0) > 0, { what: 'the first sweep that finds the agent' });
  expect(await instances()).toBe(1);
  expect(found.sum('mini_router_event_loop_lag_seconds_count')).toBeGreaterThan(0);
  expect((await scraped(agentMetrics)).sum('mini_router_agent_requests_total', { agent: 'a' })).toBe(10);
  // The public port forwards it like any other path.
  expect(await (await fetch(`${hub.url}/metrics`)).text()).toBe('ok');
  expect(await statusOf(`http://127.0.0.1:${hubMetrics}/`)).toBe(404);
});

test('a port for metrics that is taken is said in one line', async () => {
  const upstream = await upstreamHere((_req, res) => res.end('x'));
  const at = ['--metrics-port', String(upstream.port), '--redis', 'redis://127.0.0.1:1'];
  const hub = launch('router-core', ['hub', '--port', '0', '--host', '127.0.0.1', ...at]);
  expect((await hub.ended).code).toBe(2);
  expect(hub.stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/cannot serve metrics on 127\.0\.0\.1:\d+: the port is in use; choose another/),
  ]);
});

test('a hub whose workers end because of a wrong setting ends too, though its metrics are served', async () => {
  const taken = await upstreamHere((_req, res) => res.end('x'));
  const at = ['--host', '127.0.0.1', '--port', String(taken.port), '--metrics-port', '0', '--workers', '2'];
  const hub = launch('router-core', ['hub', ...at, '--redis', 'redis://127.0.0.1:1']);
  await hub.waitForLine('metrics are served');
  expect((await hub.ended).code).toBe(2);
});
