import type { Writable } from 'node:stream';

/** The end of a request's body: after so many bytes, with its last chunk, or (after a 101) with the connection. */
export type BodyFraming = number | 'chunked' | 'switched';

export interface UpstreamRequest {
  readonly method: string;
  /** Request line and fields, latin1, to the empty line. */
  readonly head: string;
  /** The body, or its beginning when `follows`. */
  readonly body: Buffer | undefined;
  readonly framing: BodyFraming;
  /** True when the rest of the body comes by `write` and `end`. */
  readonly follows: boolean;
  /** Trailer lines of a chunked body that is complete. */
  readonly trailers: string;
}

/** Called when the bytes have left, or with an error when they cannot. */
export type OnTaken = (error?: Error | null) => void;

/**
 * Writes the requests of one connection. Enforces the announced length: a byte more would be the beginning of the next
 * request.
 */
export class RequestWriter {
  readonly #socket: Writable;
  #framing: BodyFraming = 0;
  #left = 0;
  #ended = true;
  #switched = false;

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  /** True when all of the request was written: only then another one may follow. */
  get complete(): boolean {
    return this.#ended && this.#socket.writableLength === 0;
  }

  begin({ head, body, framing, follows, trailers }: UpstreamRequest): void {
    this.#framing = framing;
    this.#left = typeof framing === 'number' ? framing : 0;
    // Unless the protocol is switched, such a request has no body.
    this.#ended = !follows || framing === 'switched';
    const socket = this.#socket;
    if (!body && framing !== 'chunked') return void socket.write(head, 'latin1');
    socket.cork();
    socket.write(head, 'latin1');
    if (body) this.#writeBody(body);
    if (framing === 'chunked' && !follows) socket.write(`0\r\n${trailers}\r\n`, 'latin1');
    socket.uncork();
  }

  /** The upstream has switched protocols: the following bytes are the other protocol. */
  switched(): void {
    this.#switched = true;
    this.#ended = false;
  }

  /** Throws when this would exceed the announced length. */
  write(chunk: Buffer, onTaken: OnTaken): void {
    if (this.#framing === 'switched' && !this.#switched)
      throw new Error('a body before the switch of protocols');
    // An empty chunk would end the body.
    if (this.#ended || chunk.length === 0) return onTaken();
    this.#socket.cork();
    this.#writeBody(chunk, onTaken);
    this.#socket.uncork();
  }

  /** `trailers`: lines of fields. Throws when the body is shorter than announced. */
  end(trailers: string): void {
    if (this.#ended) return;
    if (this.#framing === 'switched') return void this.#socket.end();
    if (this.#left > 0) throw new Error('the request body is shorter than its Content-Length');
    this.#ended = true;
    if (this.#framing === 'chunked') this.#socket.write(`0\r\n${trailers}\r\n`, 'latin1');
  }

  #writeBody(chunk: Buffer, onTaken?: OnTaken): void {
    if (this.#framing === 'chunked') {
      this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      this.#socket.write(chunk);
      this.#socket.write('\r\n', 'latin1', onTaken);
      return;
    }
    if (typeof this.#framing === 'number') {
      if (chunk.length > this.#left) throw new Error('the request body is longer than its Content-Length');
      this.#left -= chunk.length;
    }
    this.#socket.write(chunk, onTaken);
  }
}
