import type { Socket } from 'node:net';

/** The faults of the proxy. Each may be changed at any time. */
export interface Faults {
  /** Each chunk is held back for so long, in both directions. */
  latencyMs: number;
  /** Limit for each direction of each connection; 0 is no limit. */
  bytesPerS: number;
  /** New connections are reset. */
  refusing: boolean;
  /**
   * Bytes are swallowed and nobody is told, as when a router on the way has lost its table: connections that live or begin
   * while this is on never carry anything again.
   */
  halfOpen: boolean;
}

/** One connection through the proxy. */
export interface Link {
  readonly sockets: readonly [Socket, Socket];
  /** Half-open: see `Faults`. */
  dead: boolean;
}

/** Bytes that may be on their way at once. */
const ROOM_BYTES = 256 * 1024;

interface Line {
  readonly from: Socket;
  readonly to: Socket;
  readonly link: Link;
  readonly faults: Readonly<Faults>;
  readonly pass: (chunk: Buffer) => void;
}

/** Carries one direction of a connection, late or slowly if need be, and in the end its end. */
export function carry({ from, to, link, faults, pass }: Line): void {
  const queue: { at: number; bytes: number; arrive: () => void }[] = [];
  let queuedBytes = 0;
  /** When the line has carried all it has taken so far. */
  let freeAt = 0;
  let timer: NodeJS.Timeout | undefined;

  const arrivals = () => {
    timer = undefined;
    const now = performance.now();
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (next.at > now) {
        timer = setTimeout(arrivals, next.at - now);
        break;
      }
      queue.shift();
      queuedBytes -= next.bytes;
      next.arrive();
    }
    if (queuedBytes < ROOM_BYTES && !to.writableNeedDrain) from.resume();
  };
  /** In order: nothing overtakes, whatever the latency was when it set out. */
  const send = (bytes: number, arrive: () => void) => {
    const now = performance.now();
    const transferMs = faults.bytesPerS === 0 ? 0 : (bytes / faults.bytesPerS) * 1_000;
    freeAt = Math.max(freeAt, now) + transferMs;
    queue.push({ at: freeAt + faults.latencyMs, bytes, arrive });
    queuedBytes += bytes;
    if (timer === undefined) arrivals();
    if (queuedBytes >= ROOM_BYTES || to.writableNeedDrain) from.pause();
  };

  from.on('data', (chunk: Buffer) => send(chunk.length, () => pass(chunk)));
  from.on('end', () => send(0, () => link.dead || to.end()));
  to.on('drain', () => from.resume());
  // A reset is passed on as one; over a dead line nobody hears of it.
  from.on('error', () => link.dead || resetSocket(to));
  from.on('close', () => {
    clearTimeout(timer);
    if (!link.dead && !from.readableEnded) to.destroy();
  });
}

/**
 * Ends a connection with RST alone. `resetAndDestroy()` sends FIN first when the socket is still writable, and which of
 * the two its peer sees is then a matter of luck: this is what that function does in the end.
 */
export function resetSocket(socket: Socket): void {
  if (!socket.connecting) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}
