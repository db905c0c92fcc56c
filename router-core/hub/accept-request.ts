import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { checkRequest, MAX_TARGET_BYTES, type CheckedRequest } from '../http/check-request.ts';
import { forwardedValues } from '../http/forward-request.ts';
import { maxForwards } from '../http/max-forwards.ts';
import { problemResponse, type ProblemCode } from '../http/problems.ts';
import { logRefusal, logUnreadable } from './access-log.ts';
import { admitRequest } from './admit-request.ts';
import { HttpReply, UpgradeReply, type ClientReply } from './front/client-reply.ts';
import { attempt } from './contain-fault.ts';
import { answerControl } from './control.ts';
import type { Readiness } from './drain.ts';
import type { Exchange, HubContext } from './exchange.ts';
import {
  connectionOf,
  takeConnection,
  type ClientConnection,
  type ConnectionOptions,
} from './front/client-connection.ts';
import { hidesNext } from './front/hides-next.ts';
import { hasBody } from './front/hub-message.ts';
import { Lingering } from './front/lingering.ts';
import { SwitchedInput } from './front/switched-input.ts';
import { Turns } from './front/turns.ts';
import type { Caller } from './app-directory.ts';
import { authorize } from './authorize.ts';
import type { RouteRequest } from '../routing/route-search.ts';
import { shortenWait } from './shorten-wait.ts';
import { SlimeHabits } from './slime-habits.ts';
import type { RoutedRequest, Snapshot } from './snapshot.ts';

/** The way in: checks what Node's parser let through, finds the group, hands the request to admission. */
export class RequestFront {
  readonly #context: HubContext;
  readonly #readiness: Readiness;
  readonly #switched = new Set<Duplex>();
  readonly #connections: Omit<ConnectionOptions, 'socket'>;
  readonly #lingering = new Lingering();
  readonly #turns = new Turns();
  /** Undefined when clients of slime are none of this hub's business. */
  readonly #slime: SlimeHabits | undefined;

  /** The configuration; none until it was read for the first time. */
  snapshot: Snapshot | undefined;

  constructor(context: HubContext, readiness: Readiness) {
    this.#context = context;
    this.#slime = context.config.slime ? new SlimeHabits(context.config) : undefined;
    this.#readiness = readiness;
    this.#connections = {
      lingering: this.#lingering,
      turns: this.#turns,
      refuse: (socket, code) => this.#refuseConnection(socket, code),
      queued: { count: 0, most: context.config.maxInFlight },
    };
  }

  /** Connections that hold no request any more, but are not closed by themselves: those that have left HTTP or linger. */
  cutAll(): void {
    for (const socket of this.#switched) socket.destroy();
    this.cutLingering();
    this.#turns.close();
  }

  cutLingering(): void {
    this.#lingering.close();
  }

  nextId(): string {
    return this.#context.link.nextId();
  }

  onConnection(socket: Socket): void {
    takeConnection({ socket, ...this.#connections });
  }

  /** `sendContinue`: the client waits to be asked for its body. */
  onRequest(req: IncomingMessage, res: ServerResponse, sendContinue?: () => void): void {
    const connection = connectionOf(req.socket);
    if (!connection) return void req.socket.destroy();
    if (connection.isBusy) {
      connection.queue({ req, begin: () => this.#begin(connection, req, res, sendContinue) });
      return;
    }
    connection.start(req);
    this.#begin(connection, req, res, sendContinue);
  }

  #begin(
    connection: ClientConnection,
    req: IncomingMessage,
    res: ServerResponse,
    sendContinue: (() => void) | undefined,
  ): void {
    // A reply that overtakes its request's body ends the connection: nobody reads the rest.
    const isLast = () => this.#readiness.draining || (!req.complete && hasBody(req)) || hidesNext(req);
    const reply = new HttpReply(res, isLast, req.httpVersion);
    res.on('close', () => connection.next());
    try {
      if (connection.isBroken(req)) return this.refuse(reply, req, 'bad-request');
      const exchange = this.#accept(req, reply, sendContinue, undefined);
      res.on('error', (error) => exchange?.fault(error));
      connection.exchange = exchange;
    } catch (error) {
      this.#endConnection(req.socket, error);
    }
  }

  /** A fault outside of any exchange ends the connection that it concerns, and nothing else. */
  #endConnection(socket: Socket, error: unknown): void {
    this.noteFault(error);
    socket.destroy();
  }

  /** `head`: what the client has already sent behind its request. */
  onUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const connection = connectionOf(socket);
    if (!connection) return void socket.destroy();
    this.#switched.add(socket);
    const reply = new UpgradeReply(socket);
    const fromClient = new SwitchedInput(socket, head);
    socket.on('end', () => {
      if (!reply.started) socket.destroy();
    });
    socket.on('close', () => this.#switched.delete(socket));
    const begin = () => (connection.exchange = this.#accept(req, reply, undefined, fromClient));
    this.#inTurn(connection, req, begin);
  }

  onConnect(req: IncomingMessage, socket: Socket): void {
    const connection = connectionOf(socket);
    if (!connection) return void socket.destroy();
    this.#inTurn(connection, req, () => {
      try {
        this.refuse(new UpgradeReply(socket), req, 'method-not-supported');
      } catch (error) {
        this.#endConnection(socket, error);
      }
    });
  }

  /** The last request of its connection. */
  #inTurn(connection: ClientConnection, req: IncomingMessage, begin: () => void): void {
    if (connection.isBusy) return connection.queue({ req, begin });
    connection.start(req);
    begin();
  }

  /** Node's parser has refused what came: nobody ever sees it as a request, unless it is the body of one. */
  onBroken(socket: Socket, code: ProblemCode): void {
    const connection = connectionOf(socket);
    if (connection) connection.broken(code);
    else socket.destroy();
  }

  #refuseConnection(socket: Socket, code: ProblemCode): void {
    if (!socket.writable) return void socket.destroy();
    const id = this.nextId();
    const { status, reason, fields, body } = problemResponse(code, { requestId: id, method: undefined });
    this.#context.counts.unrouted.refused(code, status);
    logUnreadable(this.#context, socket.remoteAddress, { id, status, code, bytes: body?.length ?? 0 });
    new UpgradeReply(socket).startAndEnd(status, reason, fields, body);
  }

  refuse(reply: ClientReply, req: IncomingMessage, code: ProblemCode): void {
    const id = this.nextId();
    const { status, reason, fields, body } = problemResponse(code, { requestId: id, method: req.method });
    this.#context.counts.unrouted.refused(code, status);
    logRefusal(this.#context, req, { id, status, code, bytes: body?.length ?? 0 });
    reply.startAndEnd(status, reason, fields, body);
  }

  /** What is thrown here has not become an exchange: it ends this request alone. */
  #accept(
    req: IncomingMessage,
    reply: ClientReply,
    sendContinue: (() => void) | undefined,
    fromClient: Readable | undefined,
  ): Exchange | undefined {
    try {
      return this.#take(req, reply, sendContinue, fromClient);
    } catch (error) {
      this.noteFault(error);
      if (!reply.started) attempt(() => this.refuse(reply, req, 'internal-error'));
      if (!reply.ended) attempt(() => reply.abort());
      return undefined;
    }
  }

  /** Counts and logs a fault of which no request is known. */
  noteFault(error: unknown): void {
    const { counts, log } = this.#context;
    counts.unrouted.group.faults += 1;
    attempt(() =>
      log.error({ err: error }, 'a fault in this hub has ended a connection; this should be reported'),
    );
  }

  #take(
    req: IncomingMessage,
    reply: ClientReply,
    sendContinue: (() => void) | undefined,
    fromClient: Readable | undefined,
  ): Exchange | undefined {
    const { method = '', url = '', httpVersion, rawHeaders } = req;
    const checked = checkRequest({ method, url, httpVersion, rawHeaders });
    if (!checked.ok) {
      reply.closeAfter();
      this.refuse(reply, req, checked.problem);
      return undefined;
    }
    if (checked.target.startsWith('/_router/')) {
      answerControl(checked.target, method, reply, this.#readiness);
      return undefined;
    }
    const isOurs = maxForwards(method, req.headers['max-forwards']) === 0;
    if (isOurs && method === 'TRACE') {
      // The last recipient need not support it, and a reflected head may hold what no page should read.
      this.refuse(reply, req, 'method-not-supported');
      return undefined;
    }
    if (checked.target === '*' || isOurs) {
      // `OPTIONS *` asks about the server itself, RFC 9110 §9.3.7.
      logRefusal(this.#context, req, { id: this.nextId(), status: 204, code: undefined, bytes: 0 });
      reply.startAndEnd(204, 'No Content', '', undefined);
      return undefined;
    }
    const resolved = this.#resolve(req, checked);
    if (typeof resolved === 'string') {
      this.refuse(reply, req, resolved);
      return undefined;
    }
    const context = this.#context;
    return admitRequest({ context, req, reply, ...resolved, checked, sendContinue, fromClient });
  }

  /** Where a request goes and who sends it, or why it may not. */
  #resolve(
    req: IncomingMessage,
    checked: AcceptedRequest,
  ): { routed: RoutedRequest; caller: Caller | undefined } | ProblemCode {
    const { snapshot } = this;
    const { link } = this.#context;
    if (!snapshot) return 'store-unavailable';
    const found = snapshot.route(routeRequest(req, checked));
    if (!found) return 'no-route';
    const { prefer } = req.headers;
    const shortened = prefer === undefined ? found : shortenWait(found, String(prefer));
    const slime = this.#slime;
    const routed = slime ? slime.shape(shortened, req.headers) : shortened;
    if (routed.target.length > MAX_TARGET_BYTES) return 'target-too-long';
    const access = authorize(req, routed, snapshot, slime);
    if ('refused' in access) return access.refused;
    const { caller } = access;
    if (caller) link.tokenUsed(caller.tokenId);
    // Nominated by Connection, it is still said to us: the hub is the next hop, which alone such a field is for.
    const asked = req.headers['router-scope'] ?? slime?.scopeOf(req.headers);
    if (routed.scope === undefined && asked === undefined) return { routed, caller };
    const scope = routed.scope ?? String(asked);
    // There is no line for what no agent has ever carried.
    if (!link.group(routed.group).hasScope(scope)) return 'no-agent';
    return { routed: { ...routed, scope }, caller };
  }
}

type AcceptedRequest = Extract<CheckedRequest, { ok: true }>;

function routeRequest(req: IncomingMessage, { target, authority }: AcceptedRequest): RouteRequest {
  const { method = '', rawHeaders } = req;
  // Few routes ask for a header: the values are put in order when one does.
  let values: ReadonlyMap<string, string> | undefined;
  const value = (name: string) => (values ??= forwardedValues(rawHeaders, authority)).get(name);
  return { method, host: authority, target, headers: value };
}
