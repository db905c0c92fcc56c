import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PassThrough, type Duplex, type Readable } from 'node:stream';
import { checkRequest, MAX_TARGET_BYTES, type CheckedRequest } from '../http/check-request.ts';
import { forwardedValues } from '../http/forward-request.ts';
import { PROBLEMS, problemResponse, type ProblemCode } from '../http/problems.ts';
import { logRefusal, logUnreadable } from './access-log.ts';
import { admitRequest } from './admit-request.ts';
import { HttpReply, UpgradeReply, type ClientReply } from './front/client-reply.ts';
import { attempt } from './contain-fault.ts';
import { answerControl } from './control.ts';
import type { Readiness } from './drain.ts';
import type { Exchange, HubContext } from './exchange.ts';
import { hasBody } from './front/hub-message.ts';
import type { Caller } from './app-directory.ts';
import { authorize } from './authorize.ts';
import type { RouteRequest } from '../routing/route-search.ts';
import { shortenWait } from './shorten-wait.ts';
import type { RoutedRequest, Snapshot } from './snapshot.ts';

/** The way in: checks what Node's parser let through, finds the group, hands the request to admission. */
export class RequestFront {
  readonly #context: HubContext;
  readonly #readiness: Readiness;
  /** Replies due on each connection; pipelining makes it more than one. */
  readonly #due = new WeakMap<Duplex, number>();
  readonly #switched = new Set<Duplex>();

  /** The configuration; none until it was read for the first time. */
  snapshot: Snapshot | undefined;

  constructor(context: HubContext, readiness: Readiness) {
    this.#context = context;
    this.#readiness = readiness;
  }

  /** Whether a reply is due on this connection: nothing else may be written to it. */
  isAnswering(socket: Duplex): boolean {
    return (this.#due.get(socket) ?? 0) > 0;
  }

  /** Connections that have left HTTP; a drain ends them. */
  get switched(): ReadonlySet<Duplex> {
    return this.#switched;
  }

  nextId(): string {
    return this.#context.link.nextId();
  }

  /** Counts what Node's parser has refused: nobody ever sees it as a request. */
  countRefused(code: ProblemCode, id: string, socket: Socket): void {
    const { status } = PROBLEMS[code];
    this.#context.counts.unrouted.refused(code, status);
    logUnreadable(this.#context, socket.remoteAddress, { id, status, code, bytes: 0 });
  }

  /** `sendContinue`: the client waits to be asked for its body. */
  onRequest(req: IncomingMessage, res: ServerResponse, sendContinue?: () => void): void {
    const { socket } = req;
    this.#due.set(socket, (this.#due.get(socket) ?? 0) + 1);
    // A reply that overtakes its request's body ends the connection: nobody reads the rest.
    const isLast = () => this.#readiness.draining || (!req.complete && hasBody(req));
    const exchange = this.#accept(req, new HttpReply(res, isLast, req.httpVersion), sendContinue, undefined);
    res.on('error', (error) => exchange?.fault(error));
    res.on('close', () => {
      this.#due.set(socket, (this.#due.get(socket) ?? 1) - 1);
      exchange?.clientGone();
    });
  }

  /** `head`: what the client has already sent behind its request. */
  onUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#switched.add(socket);
    // Read ahead a little, so that the end of the client is seen while it waits for its answer.
    const fromClient = new PassThrough({ highWaterMark: 64 * 1024 });
    if (head.length > 0) fromClient.write(head);
    const reply = new UpgradeReply(socket);
    const exchange = this.#accept(req, reply, undefined, fromClient);
    socket.pipe(fromClient);
    socket.on('end', () => {
      if (!reply.started) socket.destroy();
    });
    socket.on('close', () => {
      this.#switched.delete(socket);
      exchange?.clientGone();
    });
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
    if (checked.target === '*') {
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
    const routed = prefer === undefined ? found : shortenWait(found, String(prefer));
    if (routed.target.length > MAX_TARGET_BYTES) return 'target-too-long';
    const access = authorize(req, routed, snapshot);
    if ('refused' in access) return access.refused;
    const { caller } = access;
    if (caller) link.reporter.tokenUsed(caller.tokenId);
    // Nominated by Connection, it is still said to us: the hub is the next hop, which alone such a field is for.
    const asked = req.headers['router-scope'];
    if (routed.scope === undefined && asked === undefined) return { routed, caller };
    const scope = routed.scope ?? String(asked);
    // There is no line for what no agent has ever carried.
    if (!link.queue(routed.group).hasScope(scope)) return 'no-agent';
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
