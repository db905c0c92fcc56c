import { randomBytes } from 'node:crypto';
import { createServer, request as requestInClear, type RequestListener, type Server } from 'node:http';
import { request as requestOverTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { startAgent, type Agent } from '../../router-core/agent/agent.ts';
import type { AgentConfig } from '../../router-core/agent/settings.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { startHub, type Hub } from '../../router-core/hub/hub.ts';
import { redisAgentPorts } from '../../router-core/redis/agent/redis-agent-ports.ts';
import { LocalInboxes } from '../../router-core/redis/frames/local-inboxes.ts';
import { RedisHubLink } from '../../router-core/redis/hub/redis-hub-link.ts';
import { createLogger, type Logger } from '../../router-core/runtime/logger.ts';
import { redisRelayLinks } from '../../router-core/redis/agent/redis-relay-links.ts';
import { SlimeDoor } from '../../router-core/slime/slime-door.ts';
import { AgentDoor } from '../../router-core/websocket/hub/agent-door.ts';
import { waitFor } from './wait.ts';

const log = createLogger({
  level: (process.env['TEST_LOG_LEVEL'] as 'debug' | undefined) ?? 'silent',
  name: 'test',
});

export interface TestUpstream {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  close(): Promise<void>;
}

/** A real HTTP server on a free loopback port, or on the wanted one. */
export async function startUpstream(listener: RequestListener, wantedPort = 0): Promise<TestUpstream> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A group name that no other test uses, so that tests may share a Redis. */
export function uniqueGroup(): string {
  return `test-${randomBytes(5).toString('hex')}`;
}

export interface TestHub extends Hub {
  readonly url: string;
}

/** The status of a GET on a connection of its own; 0 when there is none. */
export function statusOf(url: string): Promise<number> {
  const request = url.startsWith('https:') ? requestOverTls : requestInClear;
  return new Promise((resolve) => {
    const req = request(url, { agent: false, timeout: 2_000, rejectUnauthorized: false }, (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    });
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(0));
    req.end();
  });
}

/** As the default of the setting says. */
const LOOPBACK: HubConfig['trustedProxies'] = [
  { address: '127.0.0.0', bits: 8, family: 'ipv4' },
  { address: '::1', bits: 128, family: 'ipv6' },
];

/** A hub in this process, on a free loopback port, ready. */
export async function startTestHub(
  redisUrl: string,
  group: string,
  options: Partial<HubConfig> = {},
  hubLog: Logger = log,
): Promise<TestHub> {
  const local = new LocalInboxes();
  const hub = await startHub(
    {
      redisUrl,
      host: '127.0.0.1',
      port: 0,
      workers: 1,
      maxInFlight: 4_096,
      trustedProxies: LOOPBACK,
      forwarded: false,
      keepAliveMs: 75_000,
      minBodyRate: 1_000,
      drainMs: 2_000,
      groups: [{ name: group, path: '/*' }],
      maxBodyBytes: 0,
      queueDepth: 1_000,
      queueWaitMs: 10_000,
      firstByteTimeoutMs: 20_000,
      idleTimeoutMs: 20_000,
      totalTimeoutMs: 60_000,
      groupConcurrency: 0,
      attempts: 2,
      retryUnsafe: false,
      leaseMs: 1_500,
      link: true,
      linkPort: undefined,
      tlsCerts: [],
      tlsKeys: [],
      httpPort: undefined,
      httpsRedirect: true,
      slime: false,
      slimeSecret: undefined,
      slimeGroup: undefined,
      slimeAppPassword: undefined,
      metricsPort: undefined,
      metricsHost: '127.0.0.1',
      logLevel: 'silent',
      accessLog: false,
      ...options,
    },
    {
      createLink: (link) => new RedisHubLink(redisUrl, link, local),
      createDoor: (about) => {
        const createRelayLink = redisRelayLinks({ redisUrl, local });
        const { link: takesLinks = true, slime, slimeSecret: secret, slimeGroup } = options;
        const door = new AgentDoor({
          ...about,
          createRelayLink,
          takesLinks,
          log: hubLog,
        });
        return slime
          ? new SlimeDoor({ beside: door, secret, group: slimeGroup ?? 'default', log: hubLog })
          : door;
      },
    },
    hubLog,
  );
  const scheme = options.tlsCerts?.length ? 'https' : 'http';
  const url = `${scheme}://127.0.0.1:${hub.port}`;
  await hub.checked;
  await waitFor(async () => (await statusOf(`${url}/_router/ready`)) === 200, {
    what: 'the hub to be ready',
  });
  return { ...hub, url };
}

/** An agent in this process, as agent/main.ts makes it. */
export function startRedisAgent(config: AgentConfig & { redisUrl: string }, agentLog: Logger): Agent {
  const { redisUrl, token } = config;
  const ports = redisAgentPorts({ redisUrl, token, log: agentLog });
  return startAgent({ config, ports, log: agentLog });
}

/** An agent in this process, joined to its group. */
export async function startTestAgent(
  redisUrl: string,
  group: string,
  upstream: string | string[],
  options: Partial<AgentConfig> = {},
): Promise<Agent> {
  const agent = startRedisAgent(
    {
      hubs: [],
      hubCa: undefined,
      token: undefined,
      group,
      upstreams: [upstream].flat(),
      upstreamCa: undefined,
      upstreamCert: undefined,
      upstreamKey: undefined,
      upstreamInsecure: false,
      concurrency: 8,
      name: 'test-agent',
      healthPath: undefined,
      setHeaders: [],
      labels: {},
      reportHardware: false,
      preserveHost: false,
      drainMs: 2_000,
      connectTimeoutMs: 2_000,
      metricsPort: undefined,
      metricsHost: '127.0.0.1',
      logLevel: 'silent',
      ...options,
      redisUrl,
    },
    log,
  );
  await agent.joined;
  return agent;
}

/**
 * The keys of a group in Redis: per-request keys, permits, entries handed out or waiting. All empty when nothing has leaked.
 */
export async function leftovers(
  redisUrl: string,
  group: string,
): Promise<{ keys: string[]; permits: number; entries: number }> {
  const redis = new Redis(redisUrl, { protocol: 2 });
  try {
    const prefix = `mr:{${group}}:`;
    const keys = await redis.keys(`${prefix}*`);
    const [permits, lane, waiting, redelivery] = await Promise.all([
      redis.zcard(`${prefix}permits`),
      redis.xlen(`${prefix}lane:0`),
      redis.xlen(`${prefix}waiting`),
      redis.xlen(`${prefix}redelivery`),
    ]);
    const perRequest = keys.filter(
      (key) => key.startsWith(`${prefix}up:`) || key.startsWith(`${prefix}down:`),
    );
    return { keys: perRequest, permits, entries: lane + waiting + redelivery };
  } finally {
    redis.disconnect();
  }
}
