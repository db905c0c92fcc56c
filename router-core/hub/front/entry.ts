import { createServer, type Server, type Socket } from 'node:net';
import { listen, type ListenAddress } from './listen.ts';

/** One port, and the connections that came in there. */
export class Entry {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  constructor(onSocket: (socket: Socket) => void) {
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      onSocket(socket);
    });
  }

  /** Resolves with the port. */
  listen(address: ListenAddress): Promise<number> {
    return listen(this.#listener, address);
  }

  /** Takes no new connection. Resolves when the last one is closed. */
  stopAccepting(): Promise<void> {
    return new Promise((resolve) => {
      this.#listener.close(() => resolve());
    });
  }

  /** Cuts all connections, whatever they speak. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
