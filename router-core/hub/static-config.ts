import type { Group } from '../config/group.ts';
import { flagRoute } from '../config/flag-route.ts';
import type { Route } from '../config/route.ts';
import type { HubConfig } from './settings.ts';

/** Groups and routes that a hub has from its own flags. */
export interface StaticConfig {
  readonly groups: readonly Group[];
  readonly routes: readonly Route[];
}

/** Makes what `--group NAME[=PATH]` asks for: groups with the limits of the other flags, and a route for each. */
export function staticConfig(config: HubConfig): StaticConfig {
  const names = new Set(config.groups.map(({ name }) => name));
  return {
    groups: [...names].map((name) => staticGroup(name, config)),
    routes: config.groups.map(flagRoute),
  };
}

/** Makes a group with the limits of the flags. The group of a fresh install has them, too. */
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
