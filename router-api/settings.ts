import { z } from 'zod';
import { parseToken } from '../router-core/config/token.ts';
import { LOG_LEVELS } from '../router-core/runtime/logger.ts';
import { flag, httpUrl, matching, oneOf, port, redisUrl } from '../router-core/runtime/options.ts';
import type { ConfigOf, Settings } from '../router-core/runtime/settings.ts';

const origin = matching(/^https?:\/\/[^\s/?#@]+$/, 'an origin such as https://admin.example.com');

/** The checksum finds a truncated token here. Error messages never repeat it: it is a secret. */
const adminToken = z
  .string()
  .trim()
  .refine((text) => parseToken(text)?.kind === 'admin', {
    error:
      'expected a whole admin token, mr_admin_<id>_<secret>_<checksum>, as `router-cli admin token` makes one',
  });

const redisSetting = {
  flag: '--redis <url>',
  about: 'the Redis (or Valkey, or Dragonfly) that hubs and agents share',
  env: 'ROUTER_REDIS_URL',
  type: redisUrl(),
} as const;

export const apiSettings = {
  redisUrl: redisSetting,
  host: {
    flag: '--host <address>',
    about: 'address to listen on; it speaks HTTP without TLS',
    default: '127.0.0.1',
    type: matching(/^[^\s/]+$/, 'an address or host name'),
  },
  port: {
    flag: '--port <port>',
    about: 'port to listen on; 0 takes any free one',
    default: '8081',
    type: port(),
  },
  adminToken: {
    flag: '--admin-token <token>',
    about: 'token of an admin named root who needs no record; prefer the variable',
    type: adminToken.optional(),
  },
  corsOrigins: {
    flag: '--cors-origin <origin[,origin…]>',
    about: 'origins whose pages may use this API from a browser (default: none but its own)',
    list: { inFlag: /,/, inEnv: /,/ },
    type: z.array(origin).default([]),
  },
  publicUrl: {
    flag: '--public-url <url>',
    about: 'where agents and clients reach the hubs, for the commands that `router-cli agent add` prints',
    type: httpUrl().optional(),
  },
  openMetrics: {
    flag: '--open-metrics [true|false]',
    about: 'answer /metrics without a token, to anybody who reaches this address',
    default: 'false',
    type: flag(),
  },
  logLevel: {
    flag: '--log-level <level>',
    about: LOG_LEVELS.join(', '),
    default: 'info',
    type: oneOf(LOG_LEVELS),
  },
} satisfies Settings;

export type ApiConfig = ConfigOf<typeof apiSettings>;

export const initAdminSettings = {
  redisUrl: redisSetting,
  name: {
    flag: '--name <name>',
    about: 'of the admin',
    default: 'root',
    type: matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, . _ -'),
  },
} satisfies Settings;
