import type { IncomingMessage, ServerResponse } from 'node:http';

/** A call of an agent of slime, and its answer. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export type CallKind = 'join' | 'accept' | 'submit';

const PATH = /^\/v1\/agent\/(join|accept|submit)(?:\?|$)/;

/** The call that an agent of slime makes; undefined for a request of anybody else. */
export function callKind({ method, url = '', headers }: IncomingMessage): CallKind | undefined {
  const token = headers['slime-agent-token'];
  if (method !== 'POST' || token === undefined || token === '') return undefined;
  return PATH.exec(url)?.[1] as CallKind | undefined;
}

/** A field that may be there once; empty when it is not. */
export function fieldOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '');
}

export interface Refusal {
  readonly status: number;
  readonly detail: string;
}

export const REFUSALS = {
  'not-ready': { status: 503, detail: 'This hub has not read its configuration yet' },
  'shutting-down': { status: 503, detail: 'This hub is shutting down' },
  'token-ended': { status: 401, detail: 'The token is not valid, not any more, or not here' },
  'bad-id': { status: 400, detail: 'slime-agent-id must be a decimal number' },
  'too-many': { status: 429, detail: 'This token has as many calls open as it may' },
  'no-group': { status: 503, detail: 'This hub cannot join the group now' },
  'no-ticket': { status: 403, detail: 'slime-connection-id is not one that this agent was given' },
  twice: { status: 409, detail: 'The reply to this request has been submitted already' },
  'bad-reply': { status: 400, detail: 'The body is not one HTTP/1.1 response' },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;

/** Answers at once. What the agent still sends is read, and not kept. */
export function answer({ request, response }: Call, status: number, detail = ''): void {
  if (response.headersSent || response.destroyed) return;
  const body = detail === '' ? '' : `${detail}\n`;
  const type = body === '' ? {} : { 'content-type': 'text/plain' };
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...type, ...length });
  response.end(body);
  endUpload(request);
}

/** So long an agent may go on to send what nobody reads, ms. */
const READ_ON_MS = 1_000;

/**
 * A connection that is closed while its agent sends is reset, and the reset takes the answer along. An agent that is answered early
 * closes the connection by itself.
 */
function endUpload(request: IncomingMessage): void {
  if (request.complete) return;
  request.removeAllListeners('data').resume();
  const cut = setTimeout(() => request.socket.destroy(), READ_ON_MS);
  request.once('close', () => clearTimeout(cut));
}
