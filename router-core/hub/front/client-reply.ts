import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { rawFields, withoutFields, type FieldLines } from '../../http/field-lines.ts';
import { sendWhole } from './whole-reply.ts';

/** Where a reply goes: an HTTP response, or after a 101 the bare connection. */
export interface ClientReply {
  readonly started: boolean;
  /** Starts with the head. */
  start(status: number, reason: string, fields: FieldLines): void;
  /** Sends a whole small reply in one write. */
  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer | undefined): void;
  /** `onTaken` tells how many bytes have left for the client. */
  write(chunk: Buffer, onTaken: (bytes: number) => void): void;
  /** `trailers`: names and values in turn. */
  end(trailers: string[]): void;
  /** The connection ends with this reply: where its request ends is not certain. */
  closeAfter(): void;
  /** Breaks the connection, so that a short reply never looks complete. */
  abort(): void;
}

const NO_BYTES = Buffer.alloc(0);

const withoutTrailer = withoutFields(['Trailer']);

const SMALL_BODY_BYTES = 16 * 1024;

/** A plain HTTP response. */
export class HttpReply implements ClientReply {
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

  start(status: number, reason: string, fields: FieldLines): void {
    const headers = rawFields(fields);
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
    // None follow, and Node refuses to announce them where it knows that they cannot.
    this.start(status, reason, withoutTrailer(fields));
    this.#res.end(body);
  }

  write(chunk: Buffer, onTaken: (bytes: number) => void): void {
    writeSlices(this.#res, chunk, onTaken);
  }

  end(trailers: string[]): void {
    if (trailers.length > 0) this.#res.addTrailers(pairs(trailers));
    this.#res.end();
  }

  closeAfter(): void {
    this.#isLast = () => true;
  }

  abort(): void {
    // For HTTP/1.0 the end of the connection may be the end of the body: only a reset says that it is not.
    if (this.#httpVersion === '1.0') this.#res.socket?.resetAndDestroy();
    else this.#res.destroy();
  }
}

/** The reply to a request that asks to switch protocols: 101 turns the connection into two byte streams. */
export class UpgradeReply implements ClientReply {
  readonly #socket: Socket;
  started = false;
  #switched = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(status: number, reason: string, fields: FieldLines): void {
    this.started = true;
    this.#switched = status === 101;
    // Anything but 101 leaves HTTP as it is; without chunking, only the end of the connection can end such a reply.
    const last = this.#switched ? '' : 'Connection: close\r\n';
    this.#socket.write(`HTTP/1.1 ${status} ${reason}\r\n${fields}${last}\r\n`, 'latin1');
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    this.start(status, reason, fields);
    this.#socket.write(body);
    this.end();
  }

  write(chunk: Buffer, onTaken: (bytes: number) => void): void {
    writeSlices(this.#socket, chunk, onTaken);
  }

  end(): void {
    // Half a connection is of use only after a switch.
    if (this.#switched) this.#socket.end();
    else this.#socket.destroySoon();
  }

  closeAfter(): void {
    // Anything but a switch always ends it.
  }

  abort(): void {
    // The end of the connection is the end of the body here: only a reset says that it is not.
    if (this.#switched) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

/** A slow client shows progress slice by slice, so that slow is not taken for idle. */
const SLICE_BYTES = 64 * 1024;

function writeSlices(to: Writable, chunk: Buffer, onTaken: (bytes: number) => void): void {
  for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
    const slice = chunk.length <= SLICE_BYTES ? chunk : chunk.subarray(at, at + SLICE_BYTES);
    to.write(slice, (error) => {
      if (!error) onTaken(slice.length);
    });
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}

/** The address of whoever connected to this hub. */
export function clientAddress(req: IncomingMessage): string {
  const address = req.socket.remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
