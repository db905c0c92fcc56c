import { withCors, type CorsRules } from '../http/cors.ts';
import { MAX_TARGET_BYTES } from '../http/check-request.ts';
import { maxForwards } from '../http/max-forwards.ts';
import { problemResponse, type ProblemCode } from '../http/problems.ts';
import { logRefusal, logUnreadable } from './access-log.ts';
import { admitRequest } from './admit-request.ts';
import type { Caller } from './app-directory.ts';
import { authorize } from './authorize.ts';
import { answerPreflight, preflightMethod } from './answer-preflight.ts';
import { attempt } from './contain-fault.ts';
import { answerControl } from './control.ts';
import type { Readiness } from './drain.ts';
import type { Exchange } from './exchange.ts';
import type { ClientReply } from './front/client-reply.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { RequestHandler } from './front/request-handler.ts';
import type { HubContext } from './hub-context.ts';
import { routeRequest, type AcceptedRequest } from './route-request.ts';
import { shortenWait } from './shorten-wait.ts';
import { SlimeHabits } from './slime-habits.ts';
import type { RoutedRequest, Snapshot } from './snapshot.ts';

/** The way in: checks a request, finds its group, hands it to admission. */
export class RequestAcceptor implements RequestHandler {
  readonly #context: HubContext;
  readonly #readiness: Readiness;
  /** Undefined when clients of slime are none of this hub's business. */
  readonly #slime: SlimeHabits | undefined;

  /** The configuration. Undefined until this hub has read it for the first time. */
  snapshot: Snapshot | undefined;

  constructor(context: HubContext, readiness: Readiness) {
    this.#context = context;
    this.#slime = context.config.slime ? new SlimeHabits(context.config) : undefined;
    this.#readiness = readiness;
  }

  get draining(): boolean {
    return this.#readiness.draining;
  }

  accept(request: ClientRequest, reply: ClientReply): Exchange | undefined {
    try {
      return this.#take(request, reply);
    } catch (error) {
      // The request has not become an exchange: the fault ends it alone.
      this.noteFault(error);
      if (!reply.started) attempt(() => this.refuse(request, reply, 'internal-error'));
      if (!reply.ended) attempt(() => reply.abort());
      return undefined;
    }
  }

  redirect(request: ClientRequest, reply: ClientReply, tlsPort: number): void {
    const checked = request.check();
    // The hub's own answers, and those to what is no request, are the same everywhere.
    if (!checked.ok || /^(?:\/_router\/|\*)/.test(checked.target)) return void this.accept(request, reply);
    const host = checked.authority.replace(/:\d*$/, '');
    // HTTP/1.0 may come without one.
    if (host === '') return this.refuse(request, reply, 'bad-request');
    const id = this.#context.link.nextId();
    const location = `https://${host}${tlsPort === 443 ? '' : `:${tlsPort}`}${checked.target}`;
    logRefusal(this.#context, request, { id, status: 308, code: undefined, bytes: 0 });
    reply.startAndEnd(308, 'Permanent Redirect', `Location: ${location}\r\nContent-Length: 0\r\n`, undefined);
  }

  /** `cors`: those of the route, where one was found. */
  refuse(request: ClientRequest, reply: ClientReply, code: ProblemCode, cors?: CorsRules): void {
    const id = this.#context.link.nextId();
    const { status, reason, fields, body } = problemResponse(code, { requestId: id, method: request.method });
    this.#context.counts.unrouted.refused(code, status);
    logRefusal(this.#context, request, { id, status, code, bytes: body?.length ?? 0 });
    const all = cors ? withCors(cors, request.field('origin'), fields) : fields;
    reply.startAndEnd(status, reason, all, body);
  }

  refuseUnreadable(peer: string | undefined, reply: ClientReply, code: ProblemCode): void {
    const id = this.#context.link.nextId();
    const { status, reason, fields, body } = problemResponse(code, { requestId: id, method: undefined });
    this.#context.counts.unrouted.refused(code, status);
    logUnreadable(this.#context, peer, { id, status, code, bytes: body?.length ?? 0 });
    reply.startAndEnd(status, reason, fields, body);
  }

  noteMisuse(client: string): void {
    this.#context.counts.misuses += 1;
    this.#context.log.debug({ client }, 'a connection of HTTP/2 was ended: its client broke the rules');
  }

  noteFault(error: unknown): void {
    const { counts, log } = this.#context;
    counts.unrouted.group.faults += 1;
    attempt(() =>
      log.error({ err: error }, 'a fault in this hub has ended a connection; this should be reported'),
    );
  }

  #take(request: ClientRequest, reply: ClientReply): Exchange | undefined {
    const { method } = request;
    const checked = request.check();
    if (!checked.ok) {
      reply.closeAfter();
      this.refuse(request, reply, checked.problem);
      return undefined;
    }
    if (checked.target.startsWith('/_router/')) {
      answerControl(checked.target, method, reply, this.#readiness);
      return undefined;
    }
    const isOurs = maxForwards(method, request.field('max-forwards')) === 0;
    if (isOurs && method === 'TRACE') {
      // The last recipient need not support it, and a reflected head may hold what no page should read.
      this.refuse(request, reply, 'method-not-supported');
      return undefined;
    }
    if (checked.target === '*' || isOurs) {
      // `OPTIONS *` asks about the server itself, RFC 9110 §9.3.7.
      const id = this.#context.link.nextId();
      logRefusal(this.#context, request, { id, status: 204, code: undefined, bytes: 0 });
      reply.startAndEnd(204, 'No Content', '', undefined);
      return undefined;
    }
    const isPreflight = preflightMethod(request, checked) !== undefined;
    if (isPreflight && answerPreflight(this.#context, this.snapshot, { request, reply, checked }))
      return undefined;
    const resolved = this.#resolve(request, checked, isPreflight);
    if ('refused' in resolved) {
      this.refuse(request, reply, resolved.refused, resolved.cors);
      return undefined;
    }
    const context = this.#context;
    return admitRequest({ context, request, reply, ...resolved, checked });
  }

  /** Returns the route of a request and who sends it, or the reason for refusing it. */
  #resolve(request: ClientRequest, checked: AcceptedRequest, isPreflight: boolean): Resolved {
    const { snapshot } = this;
    const { link } = this.#context;
    if (!snapshot) return { refused: 'store-unavailable' };
    const found = snapshot.route(routeRequest(request, checked, this.#context));
    if (!found) return { refused: 'no-route' };
    const { cors } = found;
    const prefer = request.field('prefer');
    const shortened = prefer === undefined ? found : shortenWait(found, prefer);
    const slime = this.#slime;
    const routed = slime ? slime.shape(shortened, request) : shortened;
    if (routed.target.length > MAX_TARGET_BYTES) return { refused: 'target-too-long', cors };
    // It cannot carry a token: the upstream answers it.
    const access = isPreflight ? NOBODY : authorize(request, routed, snapshot, slime);
    if ('refused' in access) return { refused: access.refused, cors };
    const { caller } = access;
    if (caller) link.tokenUsed(caller.tokenId);
    // A field that Connection nominates is for the next hop, and the hub is the next hop: the scope counts.
    const asked = request.field('router-scope') ?? slime?.scopeOf(request);
    const scope = routed.scope ?? asked;
    if (scope === undefined) return { routed, caller };
    // There is no line for a scope that no agent has ever carried.
    if (!link.group(routed.group).hasScope(scope)) return { refused: 'no-agent', cors };
    return { routed: { ...routed, scope }, caller };
  }
}

const NOBODY = { caller: undefined };

type Resolved =
  | { readonly routed: RoutedRequest; readonly caller: Caller | undefined }
  | { readonly refused: ProblemCode; readonly cors?: CorsRules | undefined };
