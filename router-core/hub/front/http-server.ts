import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { HubMessage } from './hub-message.ts';
import { problemOf, type ParserError } from './parser-error.ts';
import { CommandError } from '../../runtime/run-command.ts';
import type { RequestFront } from '../accept-request.ts';
import type { AgentDoor } from './agent-door.ts';
import { connectionOf } from './client-connection.ts';

const SERVER_TIMEOUTS = {
  headersTimeout: 15_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

export interface ServerOptions {
  readonly keepAliveMs: number;
  /** Undefined when no agent may come in here. */
  readonly door: AgentDoor | undefined;
}

/** Node's server with its defaults mended, its events led to the front. */
export function createHttpServer(front: RequestFront, { keepAliveMs, door }: ServerOptions): Server {
  const server = createServer({
    IncomingMessage: HubMessage,
    // Above the hub's own limit, so that the hub can tell a target that is too long from a head that is.
    maxHeaderSize: 64 * 1024,
    // Checked by the hub, with an answer in its own form.
    requireHostHeader: false,
    keepAliveTimeout: keepAliveMs,
    ...SERVER_TIMEOUTS,
  });
  server.maxHeadersCount = 0;
  server.timeout = 0;
  server.on('connection', (socket: Socket) => contain(front, socket, () => front.onConnection(socket)));
  const isForDoor = (req: IncomingMessage) => door?.takes(req) && !connectionOf(req.socket)?.isBusy;
  server.on('request', (req, res) => {
    if (door && isForDoor(req)) contain(front, req.socket, () => door.onRequest(req, res));
    else front.onRequest(req, res);
  });
  server.on('checkContinue', (req, res) => front.onRequest(req, res, () => res.writeContinue()));
  server.on('checkExpectation', (req, res) => front.onRequest(req, res));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    swallowErrors(socket);
    contain(front, socket, () => {
      if (door && isForDoor(req)) door.onUpgrade(req, socket, head);
      else front.onUpgrade(req, socket, head);
    });
  });
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    swallowErrors(socket);
    contain(front, socket, () => front.onConnect(req, socket));
  });
  server.on('clientError', (error: ParserError, socket: Socket) => {
    // A connection that never sent a byte is nobody's request.
    if (error.code === 'ECONNRESET' || socket.bytesRead === 0) socket.destroy();
    else contain(front, socket, () => front.onBroken(socket, problemOf(error)));
  });
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
  return server;
}

/** A fault ends the connection that it concerns, and nothing else. */
function contain(front: RequestFront, socket: Socket, step: () => void): void {
  try {
    step();
  } catch (error) {
    front.noteFault(error);
    socket.destroy();
  }
}

/** The client may reset at any time; `close` tells. */
function swallowErrors(socket: Socket): void {
  socket.on('error', () => {});
}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Rejects with a sentence that says what to do when the address cannot be had. */
export function listen(server: Server, config: ListenAddress): Promise<void> {
  const { port, host } = config;
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(error, config));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
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
