import { expect, test } from 'vitest';
import { AGENT_METRICS } from '../../router-core/agent/agent-metrics.ts';
import { HUB_METRICS } from '../../router-core/hub/hub-metrics.ts';
import { STORE_METRICS, storeMetrics } from '../../router-core/redis/connection/store-metrics.ts';
import type { Metric } from '../../router-core/runtime/metrics.ts';
import { PROCESS_METRICS } from '../../router-core/runtime/process-metrics.ts';
import { API_METRICS } from '../../router-api/metrics.ts';
import { apiHere } from '../support/api.ts';
import { ask } from '../support/ask.ts';
import { FIRST, writeCertificate } from '../support/certificates.ts';
import { configure, configuredHub } from '../support/config.ts';
import { Scrape, scrapeSources } from '../support/metrics.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';

const folder = useTemporaryDirectory();

test('what is shown is what is declared: every metric, with its type and exactly its labels', async () => {
  const { url } = await redisHere();
  await configure(url, {
    groups: [{ name: 'g', concurrency: 4 }],
    routes: [{ name: 'r', match: { path: '/r/*' }, groups: [{ group: 'g' }], auth: 'none' }],
  });
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const { cert, key } = await writeCertificate(folder.path, 'first', FIRST);
  const tls = { tlsCerts: [cert], tlsKeys: [key], httpPort: 0, httpsRedirect: false };
  const hub = await configuredHub(url, tls);
  const agent = await agentHere(url, 'g', upstream.url);
  const api = await apiHere(url);
  const inClear = `http://127.0.0.1:${hub.httpPort}`;
  await ask(`${inClear}/r/x`);
  await ask(`${inClear}/nowhere`);

  const ofApi = new Scrape((await api.get('/metrics')).text);
  const ofRest = await scrapeSources(hub.metrics, agent.metrics, storeMetrics());
  expectDeclared(ofApi, [API_METRICS, PROCESS_METRICS, STORE_METRICS].flatMap(Object.values<Metric>));
  expectDeclared(ofRest, [HUB_METRICS, AGENT_METRICS, STORE_METRICS].flatMap(Object.values<Metric>));
});

function expectDeclared({ types, samples }: Scrape, declared: readonly Metric[]): void {
  expect(Object.fromEntries(types)).toEqual(
    Object.fromEntries(declared.map(({ name, type }) => [name, type])),
  );
  for (const { name, type, labels } of declared) {
    const own = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    const found = samples.filter((sample) => own.includes(sample.name));
    expect({ name, samples: found.length > 0 }).toEqual({ name, samples: true });
    for (const sample of found) {
      const shown = Object.keys(sample.labels).filter((label) => label !== 'le');
      expect({ name, labels: shown.sort() }).toEqual({ name, labels: [...labels].sort() });
    }
  }
}
