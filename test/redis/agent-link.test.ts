import { onTestFinished } from 'vitest';
import { redisAgentPorts } from '../../router-core/redis/agent/redis-agent-ports.ts';
import { agentLinkSuite } from '../exchange/agent-link-suite.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { recordLog } from '../support/config.ts';
import { hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 1_500;

agentLinkSuite('Redis', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const { url } = await hubHere(redis.url, group, { leaseMs: LEASE_MS, attempts: 2 });
  const reach = async () => {
    const proxy = await startFaultProxy(redis.port);
    onTestFinished(() => proxy.close());
    const ports = redisAgentPorts({
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
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
