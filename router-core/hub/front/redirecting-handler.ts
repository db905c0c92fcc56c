import type { ProblemCode } from '../../http/problems.ts';
import type { ClientReply } from './client-reply.ts';
import type { ClientRequest } from './client-request.ts';
import type { RequestHandler } from './request-handler.ts';

/** The hub for clients that came in the clear: it sends them to its port with TLS. */
export class RedirectingHandler implements RequestHandler {
  readonly #handler: RequestHandler;
  readonly #tlsPort: () => number;

  constructor(handler: RequestHandler, tlsPort: () => number) {
    this.#handler = handler;
    this.#tlsPort = tlsPort;
  }

  get draining(): boolean {
    return this.#handler.draining;
  }

  accept(request: ClientRequest, reply: ClientReply): undefined {
    this.#handler.redirect(request, reply, this.#tlsPort());
  }

  redirect(request: ClientRequest, reply: ClientReply, tlsPort: number): void {
    this.#handler.redirect(request, reply, tlsPort);
  }

  refuse(request: ClientRequest, reply: ClientReply, code: ProblemCode): void {
    this.#handler.refuse(request, reply, code);
  }

  refuseUnreadable(peer: string | undefined, reply: ClientReply, code: ProblemCode): void {
    this.#handler.refuseUnreadable(peer, reply, code);
  }

  noteMisuse(peer: string): void {
    this.#handler.noteMisuse(peer);
  }

  noteFault(error: unknown): void {
    this.#handler.noteFault(error);
  }
}
