import { z } from 'zod';
import { count, flag, port, redisUrl, upstreamUrl } from '../router-core/runtime/options.ts';
import type { ConfigOf, Settings } from '../router-core/runtime/settings.ts';

export const upSettings = {
  upstreams: {
    flag: '--upstream <url[,url…]>',
    about: 'services on this machine or elsewhere to send requests to; each gets an agent',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z.array(upstreamUrl()).default([]),
  },
  redisUrl: {
    flag: '--redis <url>',
    about: 'a Redis to use (default: a private one, started here and gone afterwards)',
    env: 'ROUTER_REDIS_URL',
    type: redisUrl().optional(),
  },
  port: {
    flag: '--port <port>',
    about: 'port of the hub, on 127.0.0.1; 0 takes any free one',
    default: '8080',
    type: port(),
  },
  apiPort: {
    flag: '--api-port <port>',
    about: 'port of router-api, on 127.0.0.1 (default: 8081, or a free one); 0 takes any free one',
    type: port().optional(),
  },
  concurrency: {
    flag: '--concurrency <n>',
    about: 'requests at once per upstream (default: 1, with --demo 4)',
    type: count({ from: 1, to: 65_536 }).optional(),
  },
  demo: {
    flag: '--demo [true|false]',
    about: 'start a small upstream for a first try',
    default: 'false',
    type: flag(),
  },
  verbose: {
    flag: '--verbose [true|false]',
    about: 'show the whole log of the parts, not only warnings',
    default: 'false',
    type: flag(),
  },
} satisfies Settings;

export type UpConfig = ConfigOf<typeof upSettings>;
