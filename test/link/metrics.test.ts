import { expect, test } from 'vitest';
import { MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { renderMetrics } from '../../router-core/runtime/metric-registry.ts';
import { linkHere } from './support/link-here.ts';
import { dial, linkedAgent } from './support/scripted-agent.ts';

test('a hub counts its links, and why it has refused some', async () => {
  const { hub, token } = await linkHere();
  await linkedAgent(hub.url, token);
  const bad = await linkedAgent(hub.url, token);
  bad.send(99, 0);
  await bad.next(MESSAGE.refused);
  await bad.closed();
  await expect(dial(hub.url, 'mr_agent_x')).rejects.toThrow(/401/);
  const text = await renderMetrics([hub.metrics]);
  expect(text).toContain('mini_router_hub_links 1\n');
  expect(text).toContain('mini_router_hub_links_opened_total 2\n');
  expect(text).toContain('mini_router_hub_links_refused_total{code="protocol"} 1\n');
  expect(text).toContain('mini_router_hub_links_refused_total{code="token-ended"} 1\n');
});
