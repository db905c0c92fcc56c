import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { HubMessage } from './hub-message.ts';
import { MAX_HEAD_BYTES } from '../../http/check-request.ts';
import { problemResponse, type ProblemCode } from '../../http/problems.ts';
import { CommandError } from '../../runtime/run-command.ts';
import type { RequestFront } from '../accept-request.ts';
import { UpgradeReply } from './client-reply.ts';
import type { HubConfig } from '../config.ts';
import { KEEP_ALIVE_S } from './whole-reply.ts';

const SERVER_TIMEOUTS = {
  headersTimeout: 15_000,
  requestTimeout: 0,
  keepAliveTimeout: KEEP_ALIVE_S * 1_000,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

/** Node's server with its defaults mended, its events led to the front. */
export function createHttpServer(front: RequestFront): Server {
  const server = createServer({
    IncomingMessage: HubMessage,
    maxHeaderSize: MAX_HEAD_BYTES,
    // Checked by the hub, with an answer in its own form.
    requireHostHeader: false,
    ...SERVER_TIMEOUTS,
  });
  server.maxHeadersCount = 0;
  server.timeout = 0;
  server.on('request', (req, res) => front.onRequest(req, res));
  server.on('checkContinue', (req, res) => front.onRequest(req, res, () => res.writeContinue()));
  server.on('checkExpectation', (req, res) => front.onRequest(req, res));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    swallowErrors(socket);
    front.onUpgrade(req, socket, head);
  });
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    swallowErrors(socket);
    contain(front, socket, () => front.refuse(new UpgradeReply(socket), req, 'method-not-supported'));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A 400 now would be taken for the reply that is still due.
    if (front.isAnswering(socket)) socket.destroy();
    else contain(front, socket, () => answerBrokenRequest(error, socket, front));
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

/** Rejects with a sentence that says what to do when the address cannot be had. */
export function listen(server: Server, config: HubConfig): Promise<void> {
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

function listenError(error: NodeJS.ErrnoException, { host, port }: HubConfig): Error {
  const why: Record<string, string> = {
    EADDRINUSE: 'the port is in use: stop what listens there, or choose another with --port',
    EACCES: 'this user may not listen there: choose a port above 1023 with --port',
    EADDRNOTAVAIL: 'no interface of this machine has that address: choose another with --host',
  };
  const known = why[error.code ?? ''];
  return known === undefined ? error : new CommandError(`cannot listen on ${host}:${port}: ${known}`);
}

/** What Node's parser refuses before there is a request. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, front: RequestFront): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const codes: Record<string, ProblemCode> = {
    HPE_HEADER_OVERFLOW: 'head-too-large',
    ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  };
  const code = codes[error.code ?? ''] ?? 'bad-request';
  const requestId = front.nextId();
  front.countRefused(code, requestId, socket);
  const { status, reason, fields, body } = problemResponse(code, { requestId, method: undefined });
  new UpgradeReply(socket).startAndEnd(status, reason, fields, body);
}
