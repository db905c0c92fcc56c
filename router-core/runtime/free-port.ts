import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux, macOS and Windows give to outgoing connections: none of those can take it away. */
const PORTS = [15_000, 32_768] as const;

/**
 * A loopback port that nobody listened on a moment ago. Somebody may take it before it is used: where that matters,
 * the caller tries again with another.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    if (await isPortFree(port)) return port;
  }
}

/** Whether `port` can be listened on at 127.0.0.1. Rejects when the answer is neither yes nor no (a port below 1024). */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
