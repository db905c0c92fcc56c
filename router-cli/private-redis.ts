import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../router-core/runtime/free-port.ts';
import { endProcess } from './end-process.ts';
import { findRedisEngine, type RedisEngine } from './redis-engine.ts';
import { RedisStartError, startRedisProcess, type RedisProcess } from './redis-process.ts';

/** Another process may take a free port before the server does. */
const PORT_TRIES = 5;

const STOP_MS = 5_000;

export interface PrivateRedis {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended, with a text that says how. */
  readonly ended: Promise<string>;
  /** Stops the server and deletes its directory. */
  close(): Promise<void>;
}

/** The longest path of a socket, in bytes: 104 on macOS and BSD, 108 on Linux, one of them for the end. */
const LONGEST_SOCKET = 103;

/**
 * Starts a Redis of our own, in a new temporary directory; never uses one that is already there. It listens on a Unix socket
 * in that directory, which only this user can open and where messages cost less than over TCP. In Docker, or where the path is
 * too long for a socket, it listens on a free loopback port.
 */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const engine = await findRedisEngine();
  const dir = await mkdtemp(join(tmpdir(), 'mini-router-'));
  const socket = socketIn(dir, engine);
  try {
    const { server, url } =
      socket === undefined
        ? await startOnFreePort(engine, dir)
        : { server: await startRedisProcess(engine, { port: 0, socket, dir }), url: socketUrl(socket) };
    return {
      url,
      pid: server.pid,
      ended: server.ended,
      close: async () => {
        await endProcess(server, { graceMs: STOP_MS });
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** The path of the socket for a server with its data in `dir`; undefined when it must listen on a port. */
export function socketIn(dir: string, engine: RedisEngine): string | undefined {
  const path = join(dir, 'redis.sock');
  return engine.isDirect && Buffer.byteLength(path) <= LONGEST_SOCKET ? path : undefined;
}

/** In the format of `--redis`. */
export function socketUrl(path: string): string {
  return `unix://${pathToFileURL(path).pathname}`;
}

async function startOnFreePort(
  engine: RedisEngine,
  dir: string,
): Promise<{ server: RedisProcess; url: string }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      return { server: await startRedisProcess(engine, { port, dir }), url: `redis://127.0.0.1:${port}` };
    } catch (error) {
      const again = error instanceof RedisStartError && error.portTaken && tries < PORT_TRIES;
      if (!again) throw error;
    }
  }
}
