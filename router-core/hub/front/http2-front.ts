import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Http2Connection } from './http2-connection.ts';
import { HTTP2_OPTIONS } from './http2-options.ts';
import type { RequestHandler } from './request-handler.ts';

/** Connections that speak HTTP/2. */
export class Http2Front {
  readonly #handler: RequestHandler;
  readonly #keepAliveMs: number;
  readonly #connections = new Set<Http2Connection>();
  /** It does not listen: it gets its connections from entries. */
  readonly #server: Http2Server = createServer(HTTP2_OPTIONS);

  constructor(handler: RequestHandler, keepAliveMs: number) {
    this.#handler = handler;
    this.#keepAliveMs = keepAliveMs;
  }

  onConnection(socket: Socket, handler = this.#handler): void {
    // Both kinds of ports accept connections whose half may be closed; nghttp2 does not.
    socket.allowHalfOpen = false;
    const { remoteAddress: address = 'unknown' } = socket;
    const peer = {
      address: address.startsWith('::ffff:') ? address.slice(7) : address,
      scheme: (socket as TLSSocket).encrypted ? 'https' : 'http',
    } as const;
    this.#server.once('session', (session: ServerHttp2Session) => {
      const connection = new Http2Connection(session, { handler, peer, keepAliveMs: this.#keepAliveMs });
      this.#connections.add(connection);
      session.on('close', () => this.#connections.delete(connection));
    });
    // Node makes the session at once.
    this.#server.emit('connection', socket);
  }

  /** Takes no new request. Connections close when their last request is answered. */
  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}
