import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { carry, resetSocket, type Faults, type Link } from './faulty-line.ts';

export interface FaultProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  set(faults: Partial<Faults>): void;
  /** Ends all connections; those who had them see an orderly end. */
  cut(): void;
  /** Breaks all connections; those who had them see ECONNRESET. */
  reset(): void;
  /**
   * Resets the connection over which the `bytes`-th byte from now on goes, behind that byte. Resolves when it has
   * happened.
   */
  resetAfter(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** A TCP proxy in front of `target` that does to connections what networks do to them. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const faults: Faults = { latencyMs: 0, bytesPerS: 0, refusing: false, halfOpen: false };
  const links = new Set<Link>();
  let limit: { left: number; reached: () => void } | undefined;

  /** Passes on as much of a chunk as the byte limit allows. */
  const pass = (link: Link, to: Socket, chunk: Buffer) => {
    if (link.dead || to.destroyed) return;
    if (limit === undefined || chunk.length < limit.left) {
      if (limit) limit.left -= chunk.length;
      to.write(chunk);
      return;
    }
    const { left, reached } = limit;
    limit = undefined;
    link.dead = true;
    // A reset drops what the kernel has not sent yet: it comes when the bytes are out.
    to.write(chunk.subarray(0, left), () => {
      resetLink(link);
      reached();
    });
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refusing) {
      resetSocket(client);
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true });
    const link: Link = { sockets: [client, upstream], dead: faults.halfOpen };
    links.add(link);
    for (const [from, to] of [link.sockets, [upstream, client] as const]) {
      carry({ from, to, link, faults, pass: (chunk) => pass(link, to, chunk) });
      from.on('close', () => client.destroyed && upstream.destroyed && links.delete(link));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    set: (changed) => {
      Object.assign(faults, changed);
      if (changed.halfOpen) for (const link of links) link.dead = true;
    },
    cut: () => links.forEach(({ sockets }) => sockets.forEach((socket) => socket.destroy())),
    reset: () => links.forEach(resetLink),
    resetAfter: (bytes) => new Promise((resolve) => (limit = { left: Math.max(1, bytes), reached: resolve })),
    async close() {
      const closed = once(server, 'close');
      server.close();
      links.forEach(resetLink);
      await closed;
    },
  };
}

function resetLink({ sockets }: Link): void {
  sockets.forEach(resetSocket);
}
