import type { Redis } from 'ioredis';
import { CommandError } from '../../runtime/run-command.ts';

/** A server that the router must not run on. The message says how to fix it. */
export class UnsuitableEngineError extends CommandError {
  override readonly name = 'UnsuitableEngineError';
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
}

/**
 * Refuses servers that would lose requests: older than Redis 7.0 (no sharded pub/sub) or with a policy that evicts keys
 * when memory is full. Valkey and Dragonfly report a Redis version that passes.
 */
export async function checkEngine(client: Redis): Promise<void> {
  const info = `${await client.info('server')}\n${await client.info('memory')}`;
  const version = field(info, 'redis_version') ?? '0';
  if (Number.parseInt(version, 10) < 7) {
    throw new UnsuitableEngineError(
      `Redis ${version} is too old: Redis 7.0, Valkey 7.2 or Dragonfly 1.40 is needed`,
    );
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction' && field(info, 'dragonfly_version') === undefined) {
    throw new UnsuitableEngineError(
      `Redis has maxmemory-policy ${policy}, which deletes queued requests when memory is full: ` +
        'run "CONFIG SET maxmemory-policy noeviction" and set the same in redis.conf',
    );
  }
}
