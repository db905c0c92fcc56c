import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

const LINGER_MS = 2_000;
const MAX_LINGERING = 1_000;

/**
 * Connections that are closed although their clients still send, RFC 9112 §9.6: the reply and our half of the connection's end are
 * sent, then what arrives is discarded for a moment. A connection that is closed at once answers these bytes with a reset, and a
 * reset takes the reply with it that the client has not read yet. They hold no request.
 */
export class Lingering {
  /** In the order in which they came. */
  readonly #timers = new Map<Socket, NodeJS.Timeout>();
  readonly #most: number;

  constructor(most = MAX_LINGERING) {
    this.#most = most;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** `body` is still to be read. */
  add(socket: Socket, body: Readable | undefined): void {
    if (socket.destroyed) return;
    if (socket.writable) socket.end();
    // Bytes that nobody takes would stop the reading.
    body?.removeAllListeners('data').resume();
    socket.resume();
    if (this.#timers.size >= this.#most) this.#cutOldest();
    this.#timers.set(
      socket,
      setTimeout(() => socket.destroy(), LINGER_MS),
    );
    socket.on('close', () => this.#remove(socket));
  }

  #cutOldest(): void {
    const [oldest] = this.#timers.keys();
    if (!oldest) return;
    this.#remove(oldest);
    oldest.destroy();
  }

  #remove(socket: Socket): void {
    clearTimeout(this.#timers.get(socket));
    this.#timers.delete(socket);
  }

  /** Cuts all of them. */
  close(): void {
    for (const socket of this.#timers.keys()) socket.destroy();
  }
}
