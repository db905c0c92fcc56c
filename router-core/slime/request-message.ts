import type { PulledRequest } from '../exchange/agent-link.ts';
import { bodyFraming, requestHead, type RequestMessage } from '../http/request-head.ts';
import { RequestWriter, type OnTaken } from '../http/request-writer.ts';
import { trailerLines } from '../http/trailers.ts';
import type { Call } from './slime-calls.ts';

/** Where the agent's upstream is, only the agent knows; it also replaces Host. */
const NOWHERE = { host: 'upstream', basePath: '' };

const HEAD_REQUEST = 'head.';

/** An agent submits its reply with this. Another hub has not seen the request, and has to know that a reply has no body. */
function connectionId(ticket: string, method: string): string {
  return method === 'HEAD' ? HEAD_REQUEST + ticket : ticket;
}

/** The ticket and the method, as far as it matters to a reply. */
export function readConnectionId(text: string): { ticket: string; method: string } {
  const isHead = text.startsWith(HEAD_REQUEST);
  return { ticket: isHead ? text.slice(HEAD_REQUEST.length) : text, method: isHead ? 'HEAD' : 'GET' };
}

/** Writes one request as an HTTP/1.1 message into the answer to an accept. Throws, before anything is sent, when it cannot be sent. */
export class RequestMessageWriter {
  readonly #call: Call;
  readonly #writer: RequestWriter;
  readonly #message: RequestMessage;

  constructor(call: Call, request: PulledRequest, ticket: string) {
    this.#call = call;
    const message = (this.#message = messageOf(request));
    const framing = bodyFraming(message);
    const head = requestHead(NOWHERE, message, message.head.fields, framing);
    const trailers = message.trailers === '' ? '' : trailerLines(message.trailers);
    const { response } = call;
    response.setHeader('slime-connection-id', connectionId(ticket, message.head.method));
    response.setHeader('Content-Type', 'application/http');
    const { body, bodyFollows: follows } = message;
    // An agent keeps a connection only when it has read the answer to its end, and of a known length it knows where that is.
    if (!follows && framing !== 'chunked')
      response.setHeader('Content-Length', Buffer.byteLength(head, 'latin1') + (body?.length ?? 0));
    this.#writer = new RequestWriter(response);
    this.#writer.begin({ method: message.head.method, head, body, framing, follows, trailers });
    if (!follows) response.end();
  }

  /** More of the body is to come. */
  get follows(): boolean {
    return this.#message.bodyFollows;
  }

  /** All of it has left this process. */
  get isSent(): boolean {
    return this.#call.response.writableFinished;
  }

  write(chunk: Buffer, onTaken: OnTaken): void {
    this.#writer.write(chunk, onTaken);
  }

  /** `trailers` as a frame carries them. Throws when this is less than was announced. */
  end(trailers: string): void {
    this.#writer.end(trailerLines(trailers));
    this.#call.response.end();
  }

  /** The agent sees that the request is not complete, and does not go on with it. */
  cut(): void {
    if (!this.isSent) this.#call.request.socket.destroy();
  }

  /** Calls back when the connection ends before all was sent. */
  onCut(callback: () => void): void {
    this.#call.response.once('close', () => {
      if (!this.isSent) callback();
    });
  }
}

/** Nothing but HTTP goes through an agent of slime: its upstream is not asked to switch. */
function messageOf(request: PulledRequest): RequestMessage {
  if (request.head.upgrade === '') return request;
  return { ...request, head: { ...request.head, upgrade: '' }, body: undefined, bodyFollows: false };
}
