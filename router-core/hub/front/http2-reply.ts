import { createHash } from 'node:crypto';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { withoutFields, type FieldLines } from '../../http/field-lines.ts';
import { http2Fields, http2FieldsOf } from '../../http/http2-fields.ts';
import type { ClientReply, Sender } from './client-reply.ts';
import { NO_BYTES, writeSlices } from './write-reply.ts';

/** RFC 6455 §1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const ACCEPT = /^sec-websocket-accept: *([^\r]*?) *\r$/im;
const withoutAccept = withoutFields(['Sec-WebSocket-Accept']);

/** A reply in HTTP/2. Reason phrases do not exist there. */
export class Http2Reply implements ClientReply {
  readonly #stream: ServerHttp2Stream;
  readonly #webSocketKey: string | undefined;
  #trailers: readonly string[] = [];
  ended = false;

  /** `webSocketKey`: of a request that asks for a WebSocket. */
  constructor(stream: ServerHttp2Stream, webSocketKey: string | undefined) {
    this.#stream = stream;
    this.#webSocketKey = webSocketKey;
    stream.on('wantTrailers', () => this.#sendTrailers());
  }

  get started(): boolean {
    return this.#stream.headersSent;
  }

  get #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  maySwitch(fields: FieldLines): boolean {
    if (this.#webSocketKey === undefined) return false;
    const expected = createHash('sha1')
      .update(this.#webSocketKey + WEBSOCKET_GUID)
      .digest('base64');
    return ACCEPT.exec(fields)?.[1] === expected;
  }

  interim(status: number, _reason: string, fields: FieldLines): void {
    if (!this.#isOpen || this.started) return;
    this.#stream.additionalHeaders({ ...http2Fields(fields), ':status': status });
  }

  start(status: number, _reason: string, fields: FieldLines): void {
    if (!this.#isOpen) return;
    const isSwitch = status === 101;
    if (this.#webSocketKey !== undefined && !isSwitch && status < 300) return this.#refuseSwitch();
    const kept = http2Fields(isSwitch ? withoutAccept(fields) : fields);
    // An upstream may send trailers that it has not announced.
    this.#stream.respond({ ...kept, ':status': isSwitch ? 200 : status }, { waitForTrailers: true });
  }

  /** With an extended CONNECT, any 2xx says that the WebSocket is there (RFC 8441 §4). This one is the page of a server without. */
  #refuseSwitch(): void {
    this.#stream.respond({ ':status': 502 }, { endStream: true });
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    this.ended = true;
    if (!this.#isOpen) return;
    if (this.#webSocketKey !== undefined && status < 300) return this.start(status, reason, fields);
    this.#stream.respond({ ...http2Fields(fields), ':status': status }, { endStream: body.length === 0 });
    if (!this.#stream.writableEnded) this.#stream.end(body);
  }

  write(chunk: Buffer, sender: Sender): void {
    if (this.#stream.writableEnded) sender.taken(chunk.length);
    else writeSlices(this.#stream, chunk, sender);
  }

  end(trailers: readonly string[]): void {
    this.ended = true;
    this.#trailers = trailers;
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  #sendTrailers(): void {
    if (this.#isOpen) this.#stream.sendTrailers(http2FieldsOf(this.#trailers));
  }

  closeAfter(): void {
    // Streams end by themselves: the connection goes on.
  }

  abort(): void {
    this.ended = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
