import { z } from 'zod';
import type { GroupRoute } from '../config/flag-route.ts';
import { LOG_LEVELS } from '../runtime/logger.ts';
import { metricsSettings } from '../runtime/metrics-server.ts';
import {
  count,
  duration,
  flag,
  fromText,
  matching,
  oneOf,
  port,
  redisUrl,
  secret,
  size,
} from '../runtime/options.ts';
import type { ConfigOf, Settings } from '../runtime/settings.ts';
import { addressRange } from './front/trusted-proxies.ts';

/** Paths of files. */
function files() {
  return z.array(matching(/./, 'the path of a file')).default([]);
}

const GROUP_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** An exact path, or a prefix ending in `/*`. */
const ROUTE_PATH = /^\/(?:[^?#*\s]*\/)?(?:\*|[^?#*\s]*)$/;

const groupRoute = fromText(
  'a group as NAME or NAME=PATH, PATH being exact or ending in /* (name: letters, digits, . _ -, up to 64)',
  (text): GroupRoute | undefined => {
    const [, name = '', path = '/*'] = /^([^=]*)(?:=(.*))?$/.exec(text) ?? [];
    return GROUP_NAME.test(name) && ROUTE_PATH.test(path) ? { name, path } : undefined;
  },
);

const groupRoutes = z
  .array(groupRoute)
  .default([])
  .superRefine((routes, context) => {
    const byPath = new Map<string, string>();
    for (const { name, path } of routes) {
      const other = byPath.get(path);
      if (other !== undefined) {
        context.addIssue({
          code: 'custom',
          message: `groups "${other}" and "${name}" have the same path ${path}`,
        });
      }
      byPath.set(path, name);
    }
  });

/** Every setting of a hub: what it does, its default, and what 0 means. */
export const hubSettings = {
  redisUrl: {
    flag: '--redis <url>',
    about: 'the Redis (or Valkey, or Dragonfly) that hubs and agents share',
    env: 'ROUTER_REDIS_URL',
    type: redisUrl(),
  },
  host: {
    flag: '--host <address>',
    about: 'address to listen on',
    default: '0.0.0.0',
    type: matching(/^[^\s/]+$/, 'an address or host name'),
  },
  port: {
    flag: '--port <port>',
    about: 'port to listen on; 0 takes any free one',
    default: '8080',
    type: port(),
  },
  tlsCerts: {
    flag: '--tls-cert <file>',
    about:
      'speak TLS with this certificate (PEM, with those that lead to its authority); may be repeated, chosen by SNI',
    list: { inEnv: /,/ },
    type: files(),
  },
  tlsKeys: {
    flag: '--tls-key <file>',
    about: 'the key (PEM) of the certificate in the same place',
    list: { inEnv: /,/ },
    type: files(),
  },
  httpPort: {
    flag: '--http-port <port>',
    about: 'a port in the clear beside TLS (default: none)',
    type: count({ from: 0, to: 65_535 }).optional(),
  },
  httpsRedirect: {
    flag: '--https-redirect [true|false]',
    about: 'answer requests at --http-port with a redirect to TLS; --no-https-redirect serves them',
    default: 'true',
    negatable: true,
    type: flag(),
  },
  // Each worker is a process of its own, with its own connections to Redis: more than there are cores only costs.
  workers: {
    flag: '--workers <n>',
    about: 'hub processes on this port',
    default: '1',
    type: count({ from: 1, to: 256 }),
  },
  // Bounds memory: a request in flight may hold up to two windows of body.
  maxInFlight: {
    flag: '--max-in-flight <n>',
    about: 'requests at once per process; more are refused with 503',
    default: '4096',
    type: count({ from: 1 }),
  },
  // Everybody can send these fields. A proxy on this machine is trusted, for only it and its like can connect from there.
  trustedProxies: {
    flag: '--trust-proxy <cidr[,cidr…]>',
    about:
      'addresses of proxies whose X-Forwarded-*, Forwarded and Router-Request-Id count; none: nobody’s; may be repeated',
    default: '127.0.0.0/8,::1',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z.array(addressRange()),
  },
  forwarded: {
    flag: '--forwarded [true|false]',
    about: 'also tell upstreams of the client by the field Forwarded, RFC 7239',
    default: 'false',
    type: flag(),
  },
  // Longer than that of the load balancer in front, usually 60 s: it should close a connection, not the hub.
  keepAliveMs: {
    flag: '--keep-alive <duration>',
    about: 'how long an idle connection of a client is kept',
    default: '75s',
    type: duration({ atLeastMs: 1_000 }),
  },
  // A client that sends a byte now and then would hold a request as long as one that uploads.
  minBodyRate: {
    flag: '--min-body-rate <size>',
    about: 'bytes per second that a request body must bring, on average, after its first 10 s; 0 is no limit',
    default: '1000',
    type: size(),
  },
  // Shorter than the orchestrator's own grace period, or that ends with a kill and broken replies.
  drainMs: {
    flag: '--drain <duration>',
    about: 'after SIGTERM, how long requests may take to finish; 0 cuts them at once',
    default: '30s',
    type: duration(),
  },
  groups: {
    flag: '--group <name[=path]>',
    about:
      'a group beside those of the configuration, and the path it serves, exact or ending in /*; may be repeated (default: default=/* while nothing is configured)',
    list: { inEnv: /,/ },
    type: groupRoutes,
  },
  maxBodyBytes: {
    flag: '--max-body <size>',
    about: 'largest request body; 0 is unlimited',
    default: '100MiB',
    type: size(),
  },
  queueDepth: {
    flag: '--queue-depth <n>',
    about: 'requests of a group that may wait for a slot; more are refused with 503',
    default: '1000',
    type: count({ from: 0 }),
  },
  queueWaitMs: {
    flag: '--queue-wait <duration>',
    about: 'how long a request may wait for a slot; 0 refuses when none is free',
    default: '30s',
    type: duration(),
  },
  firstByteTimeoutMs: {
    flag: '--first-byte-timeout <duration>',
    about: 'from the hand-over to the head of the reply',
    default: '120s',
    type: duration({ atLeastMs: 1 }),
  },
  idleTimeoutMs: {
    flag: '--idle-timeout <duration>',
    about: 'the longest pause within a body',
    default: '60s',
    type: duration({ atLeastMs: 1 }),
  },
  // There is no "never": what a request holds in Redis lives until its deadline.
  totalTimeoutMs: {
    flag: '--total-timeout <duration>',
    about: 'from the head of a request to the last byte of its reply',
    default: '1h',
    type: duration({ atLeastMs: 1 }),
  },
  groupConcurrency: {
    flag: '--group-concurrency <n>',
    about: 'requests of a group that may run at once, over all hubs and agents; 0 is no limit',
    default: '0',
    type: count({ from: 0 }),
  },
  attempts: {
    flag: '--attempts <n>',
    about: 'how often a request that is safe to repeat may be handed to an agent',
    default: '2',
    type: count({ from: 1, to: 100 }),
  },
  // RFC 9110 §9.2.2: a POST that an agent has pulled may have been executed. With this on it may run twice.
  retryUnsafe: {
    flag: '--retry-unsafe [true|false]',
    about: 'repeat requests whose method is not idempotent, too',
    default: 'false',
    type: flag(),
  },
  // Heartbeats come every third of it. A shorter lease finds dead agents sooner, and takes slow ones for dead.
  leaseMs: {
    flag: '--lease <duration>',
    about: 'how long an agent that has gone silent keeps its requests',
    default: '6s',
    type: duration({ atLeastMs: 100 }),
  },
  link: {
    flag: '--link [true|false]',
    about: 'let agents that cannot see Redis dial in at /_router/link; --no-link turns it off',
    default: 'true',
    negatable: true,
    type: flag(),
  },
  linkPort: {
    flag: '--link-port <port>',
    about: 'serve the links of agents on this port alone (default: on the port of clients)',
    type: count({ from: 0, to: 65_535 }).optional(),
  },
  slime: {
    flag: '--slime [true|false]',
    about:
      'let agents of slime dial in, with the token of an agent, and do for applications what its hub did',
    default: 'false',
    type: flag(),
  },
  slimeSecret: {
    flag: '--slime-secret <secret>',
    about: "with --slime: the secret of slime's hub, whose tokens then count here, too",
    type: secret().optional(),
  },
  slimeGroup: {
    flag: '--slime-group <name>',
    about: "with --slime: the group of agents with slime's own tokens, and of applications that used slime",
    type: matching(GROUP_NAME, 'the name of a group').optional(),
  },
  slimeAppPassword: {
    flag: '--slime-app-password <password>',
    about: 'with --slime: a slime-app-password that is as good as the token of an app',
    type: secret().optional(),
  },
  ...metricsSettings,
  logLevel: {
    flag: '--log-level <level>',
    about: LOG_LEVELS.join(', '),
    default: 'info',
    type: oneOf(LOG_LEVELS),
  },
  accessLog: {
    flag: '--access-log [true|false]',
    about: 'one log line per request',
    default: 'false',
    type: flag(),
  },
} satisfies Settings;

export type HubConfig = ConfigOf<typeof hubSettings>;
