import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux, macOS and Windows give to outgoing connections, so that none of those can take it. */
const PORTS = [15_000, 32_768] as const;

/**
 * A loopback port that was free a moment ago. Another process may take it before it is used: a caller to whom that matters
 * tries again with another.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    if (await isPortFree(port)) return port;
  }
}

/** True when 127.0.0.1:`port` can be listened on. Rejects for any error but "in use" (a port below 1024, say). */
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
