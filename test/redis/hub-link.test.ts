import { onTestFinished } from 'vitest';
import { redisAgentPorts } from '../../router-core/redis/agent/redis-agent-ports.ts';
import { readHubReports } from '../../router-core/redis/control/hub-reports.ts';
import { RedisHubLink } from '../../router-core/redis/hub/redis-hub-link.ts';
import { hubLinkSuite } from '../exchange/hub-link-suite.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { recordLog } from '../support/config.ts';
import { redisHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 1_500;

hubLinkSuite('Redis', async () => {
  const redis = await redisHere();
  const reach = async () => {
    const proxy = await startFaultProxy(redis.port);
    onTestFinished(() => proxy.close());
    const cutOff = () => {
      proxy.set({ refusing: true });
      proxy.reset();
    };
    return {
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
      cutOff,
      restore: () => proxy.set({ refusing: false }),
    };
  };
  return {
    group: uniqueGroup(),
    leaseMs: LEASE_MS,
    reach: async () => {
      const { redisUrl, ...reached } = await reach();
      const { createLink } = redisAgentPorts({ redisUrl, log: recordLog().log });
      return { createLink, ...reached };
    },
    reachAsHub: async () => {
      const { redisUrl, ...reached } = await reach();
      return { createLink: (options) => new RedisHubLink(redisUrl, options), ...reached };
    },
    reports: () => withRedis(redis.url, readHubReports),
  };
});
