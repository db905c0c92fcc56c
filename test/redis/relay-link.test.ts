import { onTestFinished } from 'vitest';
import type { AgentPorts } from '../../router-core/exchange/agent-link.ts';
import { redisRelayLinks } from '../../router-core/redis/agent/redis-relay-links.ts';
import { LocalInboxes } from '../../router-core/redis/frames/local-inboxes.ts';
import { agentLinkSuite } from '../exchange/agent-link-suite.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { agentRecords } from '../support/agent-records.ts';
import { hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 1_500;

/** A relay with one agent behind it is a link like any other. */
agentLinkSuite('Redis, as the relay of one agent record', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const { url } = await hubHere(redis.url, group, { leaseMs: LEASE_MS, attempts: 2 });
  await agentRecords(redis.url).set('gpu', { group });
  const reach = async () => {
    const proxy = await startFaultProxy(redis.port);
    onTestFinished(() => proxy.close());
    const createRelayLink = redisRelayLinks({
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
      local: new LocalInboxes(),
    });
    const createLink: AgentPorts['createLink'] = ({ report, onGrant, ...options }) =>
      createRelayLink({
        ...options,
        report: () => {
          const { slots, report: said } = report();
          return { shares: [{ record: 'gpu', slots, running: said.inFlight }], report: said };
        },
        onGrants: ([grant]) => grant && onGrant({ slots: grant.slots, state: grant.state }),
      });
    const cutOff = () => {
      proxy.set({ refusing: true });
      proxy.reset();
    };
    return { createLink, cutOff, restore: () => proxy.set({ refusing: false }) };
  };
  return { url, group, leaseMs: LEASE_MS, reach };
});
