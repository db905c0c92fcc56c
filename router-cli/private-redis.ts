import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../router-core/runtime/free-port.ts';
import { endProcess } from './end-process.ts';
import { findRedisEngine } from './redis-engine.ts';
import { RedisStartError, startRedisProcess } from './redis-process.ts';

/** Another process may take a free port before the server does. */
const PORT_TRIES = 5;

const STOP_MS = 5_000;

export interface PrivateRedis {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended, asked to or not, with how that came. */
  readonly ended: Promise<string>;
  /** Stops the server and deletes its directory. */
  close(): Promise<void>;
}

/** A Redis of our own: in a new temporary directory, on a free loopback port. Never one that is already there. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const engine = await findRedisEngine();
  const dir = await mkdtemp(join(tmpdir(), 'mini-router-'));
  try {
    for (let tries = 1; ; tries += 1) {
      const port = await freePort();
      try {
        const server = await startRedisProcess(engine, { port, dir });
        return {
          url: `redis://127.0.0.1:${port}`,
          pid: server.pid,
          ended: server.ended,
          close: async () => {
            await endProcess(server, { graceMs: STOP_MS });
            await rm(dir, { recursive: true, force: true });
          },
        };
      } catch (error) {
        const again = error instanceof RedisStartError && error.portTaken && tries < PORT_TRIES;
        if (!again) throw error;
      }
    }
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}
