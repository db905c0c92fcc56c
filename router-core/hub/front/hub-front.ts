import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { AgentDoor } from './agent-door.ts';
import type { CertificateStore } from './certificate-store.ts';
import { Entry } from './entry.ts';
import { Http1Front } from './http1-front.ts';
import { createDoorServer, createHttp1Server } from './http1-server.ts';
import { Http2Front } from './http2-front.ts';
import type { RequestHandler } from './request-handler.ts';
import { RedirectingHandler } from './redirecting-handler.ts';
import { sortConnection, type Destinations } from './sort-connection.ts';
import { createTlsServer } from './tls-server.ts';

export interface FrontOptions {
  readonly handler: RequestHandler;
  readonly keepAliveMs: number;
  /** Requests that may wait behind another on their connections. */
  readonly maxQueued: number;
  /** Undefined when no agent may dial in. */
  readonly door: AgentDoor | undefined;
  /** A port for agents alone. When undefined, they come in where clients do. */
  readonly linkPort: number | undefined;
  /** Undefined when the hub speaks in the clear. */
  readonly tls: FrontTls | undefined;
}

export interface FrontTls {
  readonly certificates: CertificateStore;
  /** See TlsOptions. */
  readonly ticketKeys: Buffer;
  /** A port beside, in the clear. */
  readonly httpPort: number | undefined;
  /** True when that port sends clients to the one with TLS. */
  readonly redirects: boolean;
}

export interface FrontPorts {
  readonly port: number;
  readonly linkPort: number;
  readonly httpPort: number | undefined;
}

/** Where clients and agents come in: the ports of a hub, and the connections to them. */
export class HubFront {
  readonly #options: FrontOptions;
  readonly #http1: Http1Front;
  readonly #http2: Http2Front;
  readonly #server: Server;
  readonly #entry: Entry;
  /** In the clear, beside TLS. */
  readonly #clearEntry: Entry | undefined;
  readonly #doorEntry: Entry | undefined;
  /** Clients are sent there. */
  #tlsPort = 0;

  constructor(options: FrontOptions) {
    const { handler, keepAliveMs, maxQueued, door, linkPort, tls } = options;
    this.#options = options;
    this.#http1 = new Http1Front(handler, maxQueued);
    this.#http2 = new Http2Front(handler, keepAliveMs);
    const clientDoor = linkPort === undefined ? door : undefined;
    this.#server = createHttp1Server(this.#http1, { handler, keepAliveMs, door: clientDoor });
    const here: Destinations = {
      http1: (socket) => void this.#server.emit('connection', socket),
      http2: (socket) => this.#http2.onConnection(socket),
    };
    this.#entry = entryTo(here, tls);
    if (tls?.httpPort !== undefined) {
      const to = tls.redirects ? this.#away(handler) : here;
      this.#clearEntry = new Entry((socket) => sortConnection(socket, to));
    }
    if (door && linkPort !== undefined) this.#doorEntry = doorEntry(door, tls);
  }

  /** Resolves with the ports. Rejects with a sentence that says what to do when an address cannot be had. */
  async listen({ host, port }: { host: string; port: number }): Promise<FrontPorts> {
    const { tls, linkPort } = this.#options;
    this.#tlsPort = await this.#entry.listen({ host, port });
    const httpPort = await this.#clearEntry?.listen({ host, port: tls?.httpPort ?? 0 });
    const ofDoor = await this.#doorEntry?.listen({ host, port: linkPort ?? 0 });
    return { port: this.#tlsPort, linkPort: ofDoor ?? this.#tlsPort, httpPort };
  }

  /** Takes no new connection of a client. Resolves when the last one is closed. */
  async stopAccepting(): Promise<void> {
    const entries = [this.#entry, this.#clearEntry].filter((entry) => entry !== undefined);
    const closed = entries.map((entry) => entry.stopAccepting());
    this.#server.closeIdleConnections();
    this.#http2.close();
    await Promise.all(closed);
  }

  /** Closes connections that wait for their next request, or for their client to take its last reply. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
    this.#http1.cutLingering();
  }

  /** Cuts all connections of clients. */
  cutAll(): void {
    this.#entry.cutAll();
    this.#clearEntry?.cutAll();
    this.#http1.close();
    // Its timers end.
    this.#server.close();
  }

  /** Closes the port that is for agents alone. */
  closeDoorPort(): void {
    void this.#doorEntry?.stopAccepting();
    this.#doorEntry?.cutAll();
  }

  /** Where connections go that came in the clear, when all should use TLS. */
  #away(handler: RequestHandler): Destinations {
    const away = new RedirectingHandler(handler, () => this.#tlsPort);
    return {
      http1: (socket) => {
        this.#http1.handleWith(socket, away);
        this.#server.emit('connection', socket);
      },
      http2: (socket) => this.#http2.onConnection(socket, away),
    };
  }
}

/** The port for clients, with TLS or without. */
function entryTo(to: Destinations, tls: FrontTls | undefined): Entry {
  if (!tls) return new Entry((socket) => sortConnection(socket, to));
  const server = createTlsServer({ ...tls, protocols: ['h2', 'http/1.1'] }, to);
  return new Entry((socket) => server.emit('connection', socket));
}

/** The port for agents alone: a link is a WebSocket, which begins with HTTP/1.1. */
function doorEntry(door: AgentDoor, tls: FrontTls | undefined): Entry {
  const server = createDoorServer(door);
  const http1 = (socket: Socket) => void server.emit('connection', socket);
  if (!tls) return new Entry(http1);
  const tlsServer = createTlsServer({ ...tls, protocols: ['http/1.1'] }, { http1, http2: http1 });
  return new Entry((socket) => tlsServer.emit('connection', socket));
}
