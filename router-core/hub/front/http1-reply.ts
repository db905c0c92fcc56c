import type { ServerResponse } from 'node:http';
import { rawFields, type FieldLines } from '../../http/field-lines.ts';
import { pairs } from '../../runtime/pairs.ts';
import type { ClientReply, Sender } from './client-reply.ts';
import { sendWhole } from './whole-reply.ts';
import { NO_BYTES, withoutTrailer, writeInterim, writeSlices } from './write-reply.ts';

const CONTENT_LENGTH = /^content-length: /im;

const SMALL_BODY_BYTES = 16 * 1024;

/** A reply in HTTP/1.1 or 1.0. */
export class Http1Reply implements ClientReply {
  readonly #res: ServerResponse;
  #isLast: () => boolean;
  readonly #httpVersion: string;

  /** `isLast` is asked when the head is sent: true when the connection ends with this reply. */
  constructor(res: ServerResponse, isLast: () => boolean, httpVersion: string) {
    this.#res = res;
    this.#isLast = isLast;
    this.#httpVersion = httpVersion;
  }

  get started(): boolean {
    return this.#res.headersSent;
  }

  get ended(): boolean {
    return this.#res.writableEnded || this.#res.destroyed;
  }

  maySwitch(): boolean {
    return false;
  }

  interim(status: number, reason: string, fields: FieldLines): void {
    const { socket } = this.#res;
    // HTTP/1.0 has none, RFC 9110 §15.2. Node knows only some of them; it gives a response its socket when its turn has come.
    if (this.started || !socket?.writable || this.#httpVersion !== '1.1') return;
    writeInterim(socket, status, reason, fields);
  }

  start(status: number, reason: string, fields: FieldLines): void {
    // Node throws at an announcement of trailers that it cannot send: they need chunks (RFC 9112 §7.1.2).
    const headers = rawFields(this.#isChunked(status, fields) ? fields : withoutTrailer(fields));
    if (this.#isLast()) headers.push('Connection', 'close');
    this.#res.writeHead(status, reason, headers);
    // An empty text sends the head. flushHeaders() would send fields as UTF-8, and Node puts bytes in front of a 100 that waits for
    // its turn.
    this.#res.write('', 'latin1');
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    if (body.length <= SMALL_BODY_BYTES && !this.#isLast()) {
      if (sendWhole(this.#res, { status, reason, fields, body: body.toString('latin1') })) return;
    }
    // No trailers follow.
    this.start(status, reason, withoutTrailer(fields));
    this.#res.end(body);
  }

  #isChunked(status: number, fields: FieldLines): boolean {
    if (this.#httpVersion !== '1.1' || this.#res.req.method === 'HEAD') return false;
    return status !== 204 && status !== 304 && !CONTENT_LENGTH.test(fields);
  }

  write(chunk: Buffer, sender: Sender): void {
    writeSlices(this.#res, chunk, sender);
  }

  end(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#res.addTrailers(pairs(trailers));
    this.#res.end();
  }

  closeAfter(): void {
    this.#isLast = () => true;
  }

  abort(): void {
    // In HTTP/1.0 the end of the connection may be the end of the body: only a reset says that it is not.
    const { socket } = this.#res;
    if (this.#httpVersion === '1.0' && socket) socket.resetAndDestroy();
    // When other replies are due before it, it takes its connection down when its turn comes.
    else this.#res.destroy();
  }
}
