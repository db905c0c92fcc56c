import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemCode } from '../../http/problems.ts';
import {
  connectionOf,
  takeConnection,
  type ClientConnection,
  type ConnectionOptions,
} from './client-connection.ts';
import { Http1Reply } from './http1-reply.ts';
import type { Http1Request } from './http1-request.ts';
import { Lingering } from './lingering.ts';
import type { RequestHandler } from './request-handler.ts';
import { SwitchReply } from './switch-reply.ts';
import { SwitchedInput } from './switched-input.ts';
import { Turns } from './turns.ts';

/** Connections that speak HTTP/1.1 or 1.0: hands their requests to the hub, one after the other. */
export class Http1Front {
  readonly #handler: RequestHandler;
  /** Those of connections whose requests another one than the hub itself answers. */
  readonly #handlers = new WeakMap<Socket, RequestHandler>();
  readonly #connections: Omit<ConnectionOptions, 'socket' | 'handler'>;
  readonly #lingering = new Lingering();
  readonly #turns = new Turns();

  /** `maxQueued` limits the requests that wait behind another on their connections, all connections together. */
  constructor(handler: RequestHandler, maxQueued: number) {
    this.#handler = handler;
    this.#connections = {
      lingering: this.#lingering,
      turns: this.#turns,
      refuse: (socket, code) => this.#refuseConnection(socket, code),
      queued: { count: 0, most: maxQueued },
    };
  }

  close(): void {
    this.#turns.close();
  }

  cutLingering(): void {
    this.#lingering.close();
  }

  /** The requests of a connection that is about to begin are for this handler. */
  handleWith(socket: Socket, handler: RequestHandler): void {
    this.#handlers.set(socket, handler);
  }

  onConnection(socket: Socket): void {
    const handler = this.#handlers.get(socket) ?? this.#handler;
    takeConnection({ socket, handler, ...this.#connections });
  }

  onRequest(req: Http1Request, res: ServerResponse): void {
    const connection = connectionOf(req.socket);
    if (!connection) return void req.socket.destroy();
    if (connection.isBusy) {
      connection.queue({ req, begin: () => this.#begin(connection, req, res) });
      return;
    }
    connection.start(req);
    this.#begin(connection, req, res);
  }

  #begin(connection: ClientConnection, req: Http1Request, res: ServerResponse): void {
    // A reply that overtakes its request's body ends the connection: nobody reads the rest.
    const isLast = () => this.#handler.draining || (!req.complete && req.hasBody) || req.hidesNext;
    const reply = new Http1Reply(res, isLast, req.httpVersion);
    res.on('close', () => connection.next());
    try {
      if (connection.isBroken(req)) return this.#handler.refuse(req, reply, 'bad-request');
      const running = connection.handler.accept(req, reply);
      res.on('error', (error) => running?.fault(error));
      connection.running = running;
    } catch (error) {
      this.#endConnection(req.socket, error);
    }
  }

  /** A fault outside of any request ends the connection that it concerns, and nothing else. */
  #endConnection(socket: Socket, error: unknown): void {
    this.#handler.noteFault(error);
    socket.destroy();
  }

  /** `head` holds the bytes that came together with the request. */
  onUpgrade(req: Http1Request, socket: Socket, head: Buffer): void {
    const connection = connectionOf(socket);
    if (!connection) return void socket.destroy();
    const reply = new SwitchReply(socket);
    req.switchesWith(new SwitchedInput(socket, head));
    socket.on('end', () => {
      if (!reply.started) socket.destroy();
    });
    this.#inTurn(connection, req, () => (connection.running = connection.handler.accept(req, reply)));
  }

  onConnect(req: Http1Request, socket: Socket): void {
    const connection = connectionOf(socket);
    if (!connection) return void socket.destroy();
    this.#inTurn(connection, req, () => {
      try {
        this.#handler.refuse(req, new SwitchReply(socket), 'method-not-supported');
      } catch (error) {
        this.#endConnection(socket, error);
      }
    });
  }

  /** The last request of its connection. */
  #inTurn(connection: ClientConnection, req: Http1Request, begin: () => void): void {
    if (connection.isBusy) return connection.queue({ req, begin });
    connection.start(req);
    begin();
  }

  /** Node's parser has refused bytes: nobody ever sees them as a request, unless they are the body of one. */
  onBroken(socket: Socket, code: ProblemCode): void {
    const connection = connectionOf(socket);
    if (connection) connection.broken(code);
    else socket.destroy();
  }

  #refuseConnection(socket: Socket, code: ProblemCode): void {
    if (!socket.writable) return void socket.destroy();
    this.#handler.refuseUnreadable(socket.remoteAddress, new SwitchReply(socket), code);
  }
}
