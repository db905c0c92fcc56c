import { randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { CheckedRequest } from '../../http/check-request.ts';
import { checkHttp2Head, readHttp2Head, type Http2Head } from '../../http/http2-head.ts';
import type { ClientRequest, ProtocolSwitch } from './client-request.ts';

/** The connection that carries a request. */
export interface Http2Peer {
  readonly scheme: 'http' | 'https';
  /** IP address. */
  readonly address: string;
}

const NONE: readonly string[] = [];

/** A request of HTTP/2: one stream. */
export class Http2Request implements ClientRequest {
  readonly httpVersion = '2.0';
  readonly #stream: ServerHttp2Stream;
  readonly #peer: Http2Peer;
  readonly #head: Http2Head;
  readonly rawHeaders: readonly string[];
  readonly protocolSwitch: ProtocolSwitch | undefined;
  /** The key of a WebSocket, which HTTP/2 goes without and HTTP/1.1 wants (RFC 8441 §5.1). */
  readonly webSocketKey: string | undefined;
  rawTrailers = NONE;

  /** `raw`: the header section as it came, names and values in turn. */
  constructor(stream: ServerHttp2Stream, raw: readonly string[], peer: Http2Peer) {
    this.#stream = stream;
    this.#peer = peer;
    this.#head = readHttp2Head(raw);
    const { rawHeaders, protocol } = this.#head;
    this.rawHeaders = rawHeaders;
    if (protocol === undefined) return;
    this.protocolSwitch = { protocol, input: stream };
    this.webSocketKey = randomBytes(16).toString('base64');
    const others = rawHeaders.filter((_text, i) => rawHeaders[i - (i % 2)] !== 'sec-websocket-key');
    this.rawHeaders = [...others, 'Sec-WebSocket-Key', this.webSocketKey];
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get scheme(): 'http' | 'https' {
    return this.#peer.scheme;
  }

  get peer(): string {
    return this.#peer.address;
  }

  get complete(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded;
  }

  get body(): Readable {
    return this.#stream;
  }

  get awaitsBody(): boolean {
    return !this.complete && !this.#stream.isPaused();
  }

  check(): CheckedRequest {
    return checkHttp2Head(this.#head, this.#stream.endAfterHeaders);
  }

  field(name: string): string | undefined {
    let joined: string | undefined;
    for (let i = 0; i + 1 < this.rawHeaders.length; i += 2) {
      if (this.rawHeaders[i] !== name) continue;
      joined = joined === undefined ? this.rawHeaders[i + 1] : `${joined}, ${this.rawHeaders[i + 1]}`;
    }
    return joined;
  }

  askForBody(): void {
    const stream = this.#stream;
    if (this.field('expect')?.toLowerCase() !== '100-continue' || this.complete) return;
    if (!stream.headersSent && !stream.closed) stream.additionalHeaders({ ':status': 100 });
  }
}
