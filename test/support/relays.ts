import { onTestFinished } from 'vitest';
import type { AgentLink, OwnedRequest } from '../../router-core/exchange/agent-link.ts';
import type { AdoptedRequest, AdoptingLink, RequestPlace } from '../../router-core/exchange/relay-link.ts';
import { redisAgentPorts } from '../../router-core/redis/agent/redis-agent-ports.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { joinLink, watchOpened, type JoinedLink, type Opened } from '../exchange/joined-link.ts';
import { startFaultProxy, type FaultProxy } from '../faults/support/fault-proxy.ts';
import { recordLog } from './config.ts';
import { hubHere, redisHere } from './parts.ts';
import type { TestRedis } from './redis.ts';
import { uniqueGroup, type TestHub } from './router.ts';

/** An instance to which an agent may present what another one had. */
export interface Relay extends Omit<JoinedLink, 'link'> {
  readonly link: AgentLink & AdoptingLink;
  readonly proxy: FaultProxy;
  readonly placeOf: (opened: Opened) => RequestPlace;
  /** Adopts a request and opens it; undefined when it is not to be had. */
  readonly adopt: (
    from: RequestPlace,
    presented?: { turn?: number; have?: number },
  ) => Promise<(Opened & Pick<AdoptedRequest, 'point'>) | undefined>;
}

export interface RelayWorld {
  readonly redis: TestRedis;
  readonly hub: TestHub;
  readonly group: string;
  readonly leaseMs: number;
  /** Instances with the same scopes share a lane. Each has its own connections to Redis. */
  readonly relay: (scopes?: string[]) => Promise<Relay>;
}

export async function relayWorld(config: Partial<HubConfig> = {}): Promise<RelayWorld> {
  const redis = await redisHere();
  const group = uniqueGroup();
  const { leaseMs = 1_500 } = config;
  const hub = await hubHere(redis.url, group, { leaseMs, attempts: 2, ...config });
  const relay = async (scopes: string[] = []): Promise<Relay> => {
    const proxy = await startFaultProxy(redis.port);
    onTestFinished(() => proxy.close());
    const ports = redisAgentPorts({ redisUrl: `redis://127.0.0.1:${proxy.port}`, log: recordLog().log });
    const reached = {
      createLink: (options: Parameters<typeof ports.createLink>[0]) =>
        ports.createLink({ ...options, scopes }),
      cutOff: () => {
        proxy.set({ refusing: true });
        proxy.reset();
      },
      restore: () => proxy.set({ refusing: false }),
    };
    const joined = await joinLink({ url: hub.url, group, leaseMs, reach: () => Promise.resolve(reached) }, 4);
    const link = joined.link as AgentLink & AdoptingLink;
    return {
      ...joined,
      link,
      proxy,
      placeOf: ({ request }: { request: OwnedRequest }) => link.placeOf(request),
      adopt: async (from, { turn = 1, have = 0 } = {}) => {
        const adopted = await link.adopt(from, { turn, have });
        if (!adopted) return undefined;
        const opened = watchOpened(link, adopted.request, (handlers) => adopted.open(handlers));
        return Object.assign(opened, { point: adopted.point });
      },
    };
  };
  return { redis, hub, group, leaseMs, relay };
}
