import type { Redis } from 'ioredis';
import type { Logger } from '../runtime/logger.ts';
import { Connection } from './connection.ts';
import { groupKeys, groupOfSettingsKey, SETTINGS_PATTERN } from './keys.ts';

export interface GroupStatus {
  readonly name: string;
  /** Requests in line. */
  readonly waiting: number;
  /** Requests handed out or running. */
  readonly running: number;
  /** Slots of the live instances. */
  readonly slots: number;
  readonly instances: number;
}

export interface HealthProbe {
  /** Whether Redis answers. */
  ready(): Promise<boolean>;
  /** What each group holds now, by name. Rejects while Redis is away. */
  groups(): Promise<GroupStatus[]>;
  close(): void;
}

/** A read-only look at Redis and the groups in it. */
export function createHealthProbe(redisUrl: string, log: Logger): HealthProbe {
  const connection = new Connection({ url: redisUrl, purpose: 'commands', log });
  const client = () => {
    if (!connection.client) throw new Error('Redis is not reachable');
    return connection.client;
  };
  return {
    ready: async () => {
      try {
        return (await client().ping()) === 'PONG';
      } catch {
        return false;
      }
    },
    groups: async () => {
      const names = await groupNames(client());
      return Promise.all(names.map((name) => groupStatus(client(), name)));
    },
    close: () => connection.close(),
  };
}

async function groupNames(client: Redis): Promise<string[]> {
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', SETTINGS_PATTERN, 'COUNT', 1_000);
    for (const key of keys) names.add(groupOfSettingsKey(key));
    cursor = next;
  } while (cursor !== '0');
  return [...names].sort();
}

async function groupStatus(client: Redis, name: string): Promise<GroupStatus> {
  const keys = groupKeys(name);
  const [waiting, again, lanes, instances] = await Promise.all([
    client.xlen(keys.waiting),
    client.xlen(keys.redelivery),
    client.hgetall(keys.lanes),
    client.zcard(keys.instances),
  ]);
  const lengths = await Promise.all(Object.keys(lanes).map((lane) => client.xlen(keys.lane(lane))));
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  return {
    name,
    waiting: waiting + again,
    running: sum(lengths),
    slots: sum(Object.values(lanes).map(Number)),
    instances,
  };
}
