import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CommandError } from '../../runtime/run-command.ts';
import type { AgentDoor } from './agent-door.ts';
import { connectionOf } from './client-connection.ts';
import { Http1Front } from './http1-front.ts';
import { Http1Request } from './http1-request.ts';
import { problemOf, type ParserError } from './parser-error.ts';
import type { RequestHandler } from './request-handler.ts';

const SERVER_TIMEOUTS = {
  headersTimeout: 15_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

export interface FrontOptions {
  readonly handler: RequestHandler;
  readonly keepAliveMs: number;
  /** Requests that may wait behind another on their connections. */
  readonly maxQueued: number;
  /** Undefined when no agent may dial in. */
  readonly door: AgentDoor | undefined;
  /** A port for agents alone. When undefined, they come in where clients do. */
  readonly linkPort: number | undefined;
}

/** Where clients and agents come in: the ports of a hub, and the connections to them. */
export class HubFront {
  readonly #http1: Http1Front;
  readonly #server: Server;
  readonly #doorServer: Server | undefined;
  readonly #linkPort: number | undefined;

  constructor(options: FrontOptions) {
    const { handler, maxQueued, door, linkPort } = options;
    this.#linkPort = linkPort;
    this.#http1 = new Http1Front(handler, maxQueued);
    this.#server = createHttpServer(this.#http1, options);
    if (door && linkPort !== undefined) this.#doorServer = createDoorServer(door);
  }

  /** Resolves with the ports for clients and for agents. Rejects with a sentence that says what to do when an address cannot be had. */
  async listen({ host, port }: ListenAddress): Promise<{ port: number; linkPort: number }> {
    const ofClients = await listen(this.#server, { host, port });
    if (!this.#doorServer) return { port: ofClients, linkPort: ofClients };
    const linkPort = await listen(this.#doorServer, { host, port: this.#linkPort ?? 0 });
    return { port: ofClients, linkPort };
  }

  /** Takes no new connection of a client. Resolves when the last one is closed. */
  stopAccepting(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Closes connections that wait for their next request, or for their client to take its last reply. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
    this.#http1.cutLingering();
  }

  /** Cuts all connections of clients. */
  cutAll(): void {
    this.#server.closeAllConnections();
    this.#http1.cutAll();
  }

  /** Closes the port that is for agents alone. */
  closeDoorPort(): void {
    this.#doorServer?.close();
  }
}

/** Node's server with its defaults mended, its events led to the front and, before any route, to the door of the agents. */
function createHttpServer(front: Http1Front, options: FrontOptions): Server<typeof Http1Request> {
  const { handler, keepAliveMs, linkPort } = options;
  const door = linkPort === undefined ? options.door : undefined;
  const server = createServer({
    IncomingMessage: Http1Request,
    // Above the hub's own limit, so that the hub can tell a target that is too long from a head that is.
    maxHeaderSize: 64 * 1024,
    // Checked by the hub, with an answer in its own form.
    requireHostHeader: false,
    keepAliveTimeout: keepAliveMs,
    ...SERVER_TIMEOUTS,
  });
  server.maxHeadersCount = 0;
  server.timeout = 0;
  /** A fault ends the connection that it concerns, and nothing else. */
  const contain = (socket: Socket, step: () => void) => {
    try {
      step();
    } catch (error) {
      handler.noteFault(error);
      socket.destroy();
    }
  };
  server.on('connection', (socket: Socket) => contain(socket, () => front.onConnection(socket)));
  const isForDoor = (req: IncomingMessage) => door?.takes(req) && !connectionOf(req.socket)?.isBusy;
  server.on('request', (req, res) => {
    if (door && isForDoor(req)) contain(req.socket, () => door.onRequest(req, res));
    else front.onRequest(req, res);
  });
  server.on('checkContinue', (req, res) => {
    req.waitsFor(() => res.writeContinue());
    front.onRequest(req, res);
  });
  server.on('checkExpectation', (req, res) => front.onRequest(req, res));
  server.on('upgrade', (req, socket: Socket, head: Buffer) => {
    swallowErrors(socket);
    contain(socket, () => {
      if (door && isForDoor(req)) door.onUpgrade(req, socket, head);
      else front.onUpgrade(req, socket, head);
    });
  });
  server.on('connect', (req, socket: Socket) => {
    swallowErrors(socket);
    contain(socket, () => front.onConnect(req, socket));
  });
  server.on('clientError', (error: ParserError, socket: Socket) => {
    // A connection that never sent a byte is nobody's request.
    if (error.code === 'ECONNRESET' || socket.bytesRead === 0) socket.destroy();
    else contain(socket, () => front.onBroken(socket, problemOf(error)));
  });
  return server;
}

/** A server of its own for the links of agents. */
function createDoorServer(door: AgentDoor): Server {
  const server = createServer(SERVER_TIMEOUTS);
  server.on('request', (req, res) => door.onRequest(req, res));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    swallowErrors(socket);
    door.onUpgrade(req, socket, head);
  });
  return server;
}

/** The client may reset at any time; `close` tells. */
function swallowErrors(socket: Socket): void {
  socket.on('error', () => {});
}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

function listen(server: Server, address: ListenAddress): Promise<number> {
  const { port, host } = address;
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(error, address));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ListenAddress): Error {
  const why: Record<string, string> = {
    EADDRINUSE: 'the port is in use: stop what listens there, or choose another with --port',
    EACCES: 'this user may not listen there: choose a port above 1023 with --port',
    EADDRNOTAVAIL: 'no interface of this machine has that address: choose another with --host',
  };
  const known = why[error.code ?? ''];
  return known === undefined ? error : new CommandError(`cannot listen on ${host}:${port}: ${known}`);
}
