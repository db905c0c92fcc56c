import type { Group } from '../config/group.ts';
import type { Route } from '../config/route.ts';
import type { HubConfig } from './config.ts';

/** Below every priority that a route of the configuration can have. */
const FALLBACK_PRIORITY = -1_000_001;

/** Groups and routes that a hub has from its own flags. */
export interface StaticConfig {
  readonly groups: readonly Group[];
  readonly routes: readonly Route[];
}

/**
 * What `--group NAME[=PATH]` makes: groups with the limits of the other flags, and routes that stand behind all routes of the
 * configuration.
 */
export function staticConfig(config: HubConfig): StaticConfig {
  const names = new Set(config.groups.map(({ name }) => name));
  return {
    groups: [...names].map((name) => staticGroup(name, config)),
    routes: config.groups.map(({ name, path }) => ({
      name: `--group ${name}=${path}`,
      description: '',
      priority: FALLBACK_PRIORITY,
      match: { path, methods: [], headers: [] },
      groups: [{ group: name, weight: 1 }],
      stripPrefix: false,
      setHeaders: {},
      removeHeaders: [],
      auth: 'none',
      duplex: false,
      timeouts: {},
    })),
  };
}

/** A group with the limits that the flags say; also what a fresh install's group is at this hub. */
export function staticGroup(name: string, config: HubConfig): Group {
  return {
    name,
    description: '',
    paused: false,
    concurrency: config.groupConcurrency,
    queue: { depth: config.queueDepth, waitMs: config.queueWaitMs },
    timeouts: {
      firstByteMs: config.firstByteTimeoutMs,
      idleMs: config.idleTimeoutMs,
      totalMs: config.totalTimeoutMs,
    },
    retry: { attempts: config.attempts, unsafe: config.retryUnsafe },
    leaseMs: config.leaseMs,
    maxBodyBytes: config.maxBodyBytes,
  };
}
