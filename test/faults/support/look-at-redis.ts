import type { Redis } from 'ioredis';
import type { Remains } from './remains.ts';

/** The keys of requests and instances that a group still has; see docs/protocol.md. */
export async function lookAtRedis(redis: Redis, group: string): Promise<Omit<Remains, 'sizes'>> {
  const prefix = `mr:{${group}}:`;
  const names = (await redis.keys(`${prefix}*`)).map((key) => key.slice(prefix.length)).sort();
  const lanes = names.filter((name) => name.startsWith('lane:'));
  const lines = names.filter((name) => /^(waiting|redelivery)\b/.test(name));
  const entries: string[] = [];
  for (const name of [...lanes, ...lines]) {
    for (const [id] of await redis.xrange(prefix + name, '-', '+')) entries.push(`${name} ${id}`);
  }
  const consumers: string[] = [];
  for (const lane of lanes) {
    const served = await lookAtLane(redis, prefix + lane);
    if (served.pending > 0) entries.push(`${lane} ${served.pending} pending`);
    consumers.push(...served.consumers);
  }
  const instances = new Set(await redis.zrange(`${prefix}instances`, '0', '-1'));
  return {
    permits: await redis.zrange(`${prefix}permits`, '0', '-1'),
    entries,
    keys: names.filter((name) => /^(up|down):/.test(name)),
    consumers: consumers.filter((name) => !instances.has(name)),
  };
}

/** One that is removed while we look has neither. */
async function lookAtLane(redis: Redis, lane: string): Promise<{ pending: number; consumers: string[] }> {
  try {
    const [pending] = (await redis.xpending(lane, 'agents')) as [number, ...unknown[]];
    const consumers = (await redis.xinfo('CONSUMERS', lane, 'agents')) as unknown[][];
    // Field, value, field, value: `name` is the first.
    return { pending, consumers: consumers.map((fields) => String(fields[1])) };
  } catch (error) {
    if (/^(NOGROUP|ERR no such key)/.test((error as Error).message)) return { pending: 0, consumers: [] };
    throw error;
  }
}
