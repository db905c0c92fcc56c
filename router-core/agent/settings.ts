import { hostname } from 'node:os';
import { z } from 'zod';
import { areLabels, parseLabel, type Labels } from '../exchange/hardware.ts';
import { LOG_LEVELS } from '../runtime/logger.ts';
import { metricsSettings } from '../runtime/metrics-server.ts';
import {
  agentToken,
  count,
  duration,
  flag,
  fromText,
  header,
  httpUrl,
  matching,
  oneOf,
  redisUrl,
  upstreamUrl,
} from '../runtime/options.ts';
import type { ConfigOf, Settings } from '../runtime/settings.ts';

/** Every setting of an agent: what it does, its default, and what 0 means. */
export const agentSettings = {
  redisUrl: {
    flag: '--redis <url>',
    about: 'the Redis (or Valkey, or Dragonfly) that hubs and agents share; this or --hub is required',
    env: 'ROUTER_REDIS_URL',
    type: redisUrl().optional(),
  },
  hubs: {
    flag: '--hub <url[,url…]>',
    about: 'hubs to dial instead of Redis, with a token; may be repeated',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z.array(httpUrl()).default([]),
  },
  hubCa: {
    flag: '--hub-ca <file>',
    about: "certificates (PEM) that hubs are checked against, instead of this machine's",
    type: matching(/./, 'the path of a file').optional(),
  },
  // ps shows the flag until the process has started, so the variable is the better place.
  token: {
    flag: '--token <token>',
    about: "the agent's token: its login at Redis or at hubs; group, scopes and caps come from its record",
    env: 'ROUTER_AGENT_TOKEN',
    type: agentToken().optional(),
  },
  group: {
    flag: '--group <name>',
    about: 'the group whose requests to pull; with a token, the group of its record',
    default: 'default',
    type: matching(/^[A-Za-z0-9._-]{1,64}$/, 'a group name (letters, digits, . _ -, up to 64)'),
  },
  upstreams: {
    flag: '--upstream <url[,url…]>',
    about: 'the services to call; each is an instance of its own',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z.array(upstreamUrl()),
  },
  upstreamCa: {
    flag: '--upstream-ca <file>',
    about: "certificates (PEM) that https upstreams are checked against, instead of this machine's",
    type: matching(/./, 'the path of a file').optional(),
  },
  upstreamCert: {
    flag: '--upstream-cert <file>',
    about: "the agent's own certificate (PEM, with its chain) for https upstreams; needs --upstream-key",
    type: matching(/./, 'the path of a file').optional(),
  },
  upstreamKey: {
    flag: '--upstream-key <file>',
    about: 'the key (PEM) of --upstream-cert',
    type: matching(/./, 'the path of a file').optional(),
  },
  // Whoever can redirect a connection reads requests, and what --set-header adds to them.
  upstreamInsecure: {
    flag: '--upstream-insecure [true|false]',
    about: 'DANGEROUS: do not check certificates of https upstreams',
    default: 'false',
    type: flag(),
  },
  // A number higher than the upstream runs at once only moves the queue into the upstream, where no other agent can help.
  concurrency: {
    flag: '--concurrency <n>',
    about: "requests at once per upstream (default: what the token's record allows, else 1)",
    type: count({ from: 1, to: 65_536 }).optional(),
  },
  name: {
    flag: '--name <name>',
    about: 'name of this agent in status and in Router-Agent',
    default: hostname(),
    type: matching(/^[A-Za-z0-9._-]{1,128}$/, 'a name (letters, digits, . _ -, up to 128)'),
  },
  healthPath: {
    flag: '--health <path>',
    about:
      'path of a health check at the upstream; nothing is pulled unless it answers 2xx (default: no check)',
    type: matching(/^\/[^\s#]*$/, 'a path that begins with /').optional(),
  },
  setHeaders: {
    flag: '--set-header <"name: value">',
    about: 'a header to set on every request to the upstream, such as an API key; may be repeated',
    // Values may contain commas, so a comma in the variable separates only before another "name: ".
    list: { inEnv: /,(?=\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+:\s)/ },
    type: z.array(header()).default([]),
  },
  labels: {
    flag: '--label <name=value>',
    about: 'what operators can find this agent by, such as zone=eu; may be repeated',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z
      .array(fromText('a label: name=value, of letters, digits and . _ - (and / in the name)', parseLabel))
      .default([])
      .refine(
        (labels) => areLabels(labels.map((each) => each.join('='))),
        'at most 16 labels, 1,000 characters in all',
      )
      .transform((labels): Labels => Object.fromEntries(labels)),
  },
  reportHardware: {
    flag: '--report-hardware [true|false]',
    about: 'tell operators processor, memory, GPUs and system of this machine',
    default: 'true',
    negatable: true,
    type: flag(),
  },
  preserveHost: {
    flag: '--preserve-host [true|false]',
    about: "pass on the client's Host instead of the upstream's own",
    default: 'false',
    type: flag(),
  },
  drainMs: {
    flag: '--drain <duration>',
    about: 'after SIGTERM, how long requests may take to finish; 0 cuts them at once',
    default: '30s',
    type: duration(),
  },
  connectTimeoutMs: {
    flag: '--connect-timeout <duration>',
    about: 'to open a connection to the upstream',
    default: '10s',
    type: duration({ atLeastMs: 1 }),
  },
  ...metricsSettings,
  logLevel: {
    flag: '--log-level <level>',
    about: LOG_LEVELS.join(', '),
    default: 'info',
    type: oneOf(LOG_LEVELS),
  },
} satisfies Settings;

export type AgentConfig = ConfigOf<typeof agentSettings>;
