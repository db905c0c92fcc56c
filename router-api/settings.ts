import { LOG_LEVELS } from '../router-core/runtime/logger.ts';
import { matching, oneOf, port, redisUrl } from '../router-core/runtime/options.ts';
import type { ConfigOf, Settings } from '../router-core/runtime/settings.ts';

export const apiSettings = {
  redisUrl: {
    flag: '--redis <url>',
    about: 'the Redis (or Valkey, or Dragonfly) that hubs and agents share',
    env: 'ROUTER_REDIS_URL',
    type: redisUrl(),
  },
  // Nothing here asks who is calling yet: loopback until it does.
  host: {
    flag: '--host <address>',
    about: 'address to listen on',
    default: '127.0.0.1',
    type: matching(/^[^\s/]+$/, 'an address or host name'),
  },
  port: {
    flag: '--port <port>',
    about: 'port to listen on; 0 takes any free one',
    default: '8081',
    type: port(),
  },
  logLevel: {
    flag: '--log-level <level>',
    about: LOG_LEVELS.join(', '),
    default: 'info',
    type: oneOf(LOG_LEVELS),
  },
} satisfies Settings;

export type ApiConfig = ConfigOf<typeof apiSettings>;
