import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { AgentDoor } from './agent-door.ts';
import { connectionOf } from './client-connection.ts';
import type { Http1Front } from './http1-front.ts';
import { Http1Request } from './http1-request.ts';
import { problemOf, type ParserError } from './parser-error.ts';
import type { RequestHandler } from './request-handler.ts';

/** The first request of a connection, and the head of each, must be there by then, ms. */
export const HEAD_TIMEOUT_MS = 15_000;

const SERVER_TIMEOUTS = {
  headersTimeout: HEAD_TIMEOUT_MS,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

export interface Http1ServerOptions {
  readonly handler: RequestHandler;
  readonly keepAliveMs: number;
  /** Undefined when no agent may dial in here. */
  readonly door: AgentDoor | undefined;
}

/**
 * Node's server with its defaults mended, its events led to the front and, before any route, to the door of the agents. It does not
 * listen: it gets its connections from entries, through the event `connection`.
 */
export function createHttp1Server(
  front: Http1Front,
  options: Http1ServerOptions,
): Server<typeof Http1Request> {
  const { handler, keepAliveMs, door } = options;
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
  const isForDoor = (req: IncomingMessage) => {
    const connection = connectionOf(req.socket);
    return door?.takes(req) === true && connection?.isBusy === false && connection.handler === handler;
  };
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
  tellListening(server);
  return server;
}

/** A server of its own for the links of agents. */
export function createDoorServer(door: AgentDoor): Server {
  const server = createServer(SERVER_TIMEOUTS);
  server.on('request', (req, res) => door.onRequest(req, res));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    swallowErrors(socket);
    door.onUpgrade(req, socket, head);
  });
  tellListening(server);
  return server;
}

/** The client may reset at any time; `close` tells. */
function swallowErrors(socket: Socket): void {
  socket.on('error', () => {});
}

/** A server of Node enforces its timeouts, and knows which connections are idle, only from the event `listening` on. */
function tellListening(server: Server): void {
  server.emit('listening');
}
