import type { ProblemCode } from '../../http/problems.ts';
import type { ClientReply } from './client-reply.ts';
import type { ClientRequest } from './client-request.ts';

/** The hub as its front sees it: it answers what the front has read. */
export interface RequestHandler {
  /** This hub is shutting down: connections end with their next reply. */
  readonly draining: boolean;
  /** Answers a request, now or later. Returns undefined when the request was refused. Never throws. */
  accept(request: ClientRequest, reply: ClientReply): RunningRequest | undefined;
  /** Sends the client of a request to the same target over TLS, at that port of this hub. Never throws. */
  redirect(request: ClientRequest, reply: ClientReply, tlsPort: number): void;
  /** Answers a request with an error. */
  refuse(request: ClientRequest, reply: ClientReply, code: ProblemCode): void;
  /** Answers bytes that are no request with an error. */
  refuseUnreadable(peer: string | undefined, reply: ClientReply, code: ProblemCode): void;
  /** Counts a connection that has ended because its client broke the rules of HTTP/2, or a limit. */
  noteMisuse(peer: string): void;
  /** Counts and logs a fault that belongs to no request. */
  noteFault(error: unknown): void;
}

/** A request that was accepted. The front tells it what happens to its client. */
export interface RunningRequest {
  /** Some of the reply is still to come. */
  readonly isReplyDue: boolean;
  /** The client has gone: nobody takes the reply. */
  clientGone(): void;
  /** The rest of the request can never arrive. */
  breakOff(code: ProblemCode): void;
  /** Code that ran for this request has thrown. */
  fault(error: unknown): void;
}
