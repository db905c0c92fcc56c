import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { missingDate } from '../../http/date-field.ts';
import { rawFields, withoutFields, type FieldLines } from '../../http/field-lines.ts';
import { pairs } from '../../runtime/pairs.ts';
import { sendWhole } from './whole-reply.ts';

/** Is told how many bytes have left for the client. */
export interface Sender {
  taken(bytes: number): void;
}

/** Where a reply goes: an HTTP response, or after a 101 the bare connection. */
export interface ClientReply {
  readonly started: boolean;
  /** Nothing more is sent: it was ended or broken off. */
  readonly ended: boolean;
  /** The client has asked to switch protocols: only then may the status be 101. */
  readonly maySwitch: boolean;
  /** Sends an interim head, 1xx but not 101: before the reply starts, any number of them. */
  interim(status: number, reason: string, fields: FieldLines): void;
  /** Starts with the head. */
  start(status: number, reason: string, fields: FieldLines): void;
  /** Sends a whole small reply in one write. */
  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer | undefined): void;
  write(chunk: Buffer, sender: Sender): void;
  /** `trailers`: names and values in turn. */
  end(trailers: readonly string[]): void;
  /** The connection ends with this reply: where its request ends is not certain. */
  closeAfter(): void;
  /** Breaks the connection, so that a short reply never looks complete. */
  abort(): void;
}

const NO_BYTES = Buffer.alloc(0);

const CONTENT_LENGTH = /^content-length: /im;

const withoutTrailer = withoutFields(['Trailer']);

const SMALL_BODY_BYTES = 16 * 1024;

/** A plain HTTP response. */
export class HttpReply implements ClientReply {
  readonly maySwitch = false;
  readonly #res: ServerResponse;
  #isLast: () => boolean;
  readonly #httpVersion: string;

  /** `isLast`: whether the connection ends with this reply; asked when the head is sent. */
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
    // As text: not flushHeaders(), which sends fields as UTF-8, and not together with bytes, which Node puts in front of a 100 that
    // waits for its turn.
    this.#res.write('', 'latin1');
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    if (body.length <= SMALL_BODY_BYTES && !this.#isLast()) {
      if (sendWhole(this.#res, { status, reason, fields, body: body.toString('latin1') })) return;
    }
    // None follow.
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
    // For HTTP/1.0 the end of the connection may be the end of the body: only a reset says that it is not.
    const { socket } = this.#res;
    if (this.#httpVersion === '1.0' && socket) socket.resetAndDestroy();
    // With others due before it, it takes its connection down when its turn comes.
    else this.#res.destroy();
  }
}

/** The reply to a request that asks to switch protocols: 101 turns the connection into two byte streams. */
export class UpgradeReply implements ClientReply {
  readonly maySwitch = true;
  readonly #socket: Socket;
  started = false;
  ended = false;
  #switched = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  interim(status: number, reason: string, fields: FieldLines): void {
    if (!this.started && this.#socket.writable) writeInterim(this.#socket, status, reason, fields);
  }

  start(status: number, reason: string, fields: FieldLines): void {
    this.started = true;
    this.#switched = status === 101;
    // Anything but 101 leaves HTTP as it is; without chunking, only the end of the connection can end such a reply.
    const last = this.#switched ? '' : 'Connection: close\r\n';
    const ours = missingDate(fields) + last;
    this.#socket.write(`HTTP/1.1 ${status} ${reason}\r\n${withoutTrailer(fields)}${ours}\r\n`, 'latin1');
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    this.start(status, reason, fields);
    this.#socket.write(body);
    this.end();
  }

  write(chunk: Buffer, sender: Sender): void {
    writeSlices(this.#socket, chunk, sender);
  }

  end(): void {
    this.ended = true;
    // Half a connection is of use only after a switch.
    if (this.#switched) this.#socket.end();
    else this.#socket.destroySoon();
  }

  closeAfter(): void {
    // Anything but a switch always ends it.
  }

  abort(): void {
    this.ended = true;
    // The end of the connection is the end of the body here: only a reset says that it is not.
    if (this.#switched) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

function writeInterim(socket: Socket, status: number, reason: string, fields: FieldLines): void {
  socket.write(`HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n`, 'latin1');
}

/** A slow client shows progress slice by slice, so that slow is not taken for idle. */
const SLICE_BYTES = 64 * 1024;

function writeSlices(to: Writable, chunk: Buffer, sender: Sender): void {
  for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
    const slice = chunk.length <= SLICE_BYTES ? chunk : chunk.subarray(at, at + SLICE_BYTES);
    to.write(slice, (error) => {
      if (!error) sender.taken(slice.length);
    });
  }
}

/** The address of whoever connected to this hub. */
export function clientAddress(req: IncomingMessage): string {
  const address = req.socket.remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
