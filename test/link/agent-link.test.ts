import { onTestFinished } from 'vitest';
import { websocketAgentPorts } from '../../router-core/websocket/agent/websocket-agent-ports.ts';
import { agentLinkSuite } from '../exchange/agent-link-suite.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { configure, configuredHub, newToken, recordLog } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 1_500;

agentLinkSuite('a WebSocket to a hub', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const { token, stored } = newToken('agent');
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: LEASE_MS, retry: { attempts: 2 } }],
    routes: [{ name: 'all', match: { path: '/*' }, groups: [{ group }] }],
    agents: [{ name: 'linked', group, tokens: [stored] }],
  });
  const { url, port } = await configuredHub(redis.url);
  const reach = async () => {
    const proxy = await startFaultProxy(port);
    onTestFinished(() => proxy.close());
    const ports = websocketAgentPorts({
      hubs: [`http://127.0.0.1:${proxy.port}`],
      token,
      onRevoked: () => undefined,
      log: recordLog().log,
    });
    const cutOff = () => {
      proxy.set({ refusing: true });
      proxy.reset();
    };
    return { createLink: ports.createLink, cutOff, restore: () => proxy.set({ refusing: false }) };
  };
  return { url, group, leaseMs: LEASE_MS, reach };
});
