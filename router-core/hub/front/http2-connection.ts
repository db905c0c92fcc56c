import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Allowance } from './allowance.ts';
import { HEAD_TIMEOUT_MS } from './http1-server.ts';
import { CONNECTION_WINDOW } from './http2-options.ts';
import { Http2Reply } from './http2-reply.ts';
import { joinPieces } from './join-pieces.ts';
import { Http2Request, type Http2Peer } from './http2-request.ts';
import type { RequestHandler } from './request-handler.ts';

/** A client may go on sending for so long when its reply is there, ms. Then it is told that nobody reads (RFC 9113 §8.1). */
const LINGER_MS = 100;

const TOO_MUCH = new Error('a client has sent too many frames that cost it nothing');

/** PING and SETTINGS cost their sender nothing and each wants an answer. gRPC measures with pings, some hundred a second at most. */
const PINGS = { most: 5_000, perSecond: 500 };
const SETTINGS = { most: 200, perSecond: 20 };
/** Cancelled requests. Somewhat below a limit of Node's library, which ends the connection without a word to us. */
const RESETS = { most: 900, perSecond: 30 };

export interface Http2ConnectionOptions {
  readonly handler: RequestHandler;
  readonly peer: Http2Peer;
  readonly keepAliveMs: number;
}

/** One connection of a client. Its requests run side by side. */
export class Http2Connection {
  readonly #session: ServerHttp2Session;
  readonly #options: Http2ConnectionOptions;
  readonly #resets = new Allowance(RESETS);
  #streams = 0;
  /** Closes the connection when there is no request for long. */
  #idle: NodeJS.Timeout;

  constructor(session: ServerHttp2Session, options: Http2ConnectionOptions) {
    this.#session = session;
    this.#options = options;
    this.#idle = this.#closeAfter(HEAD_TIMEOUT_MS);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    // The client has broken the rules, or a limit of ours or of Node's library.
    session.on('error', () => options.handler.noteMisuse(options.peer.address));
    this.#limit('ping', PINGS);
    this.#limit('remoteSettings', SETTINGS);
    session.on('close', () => clearTimeout(this.#idle));
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.#onStream(stream, raw),
    );
  }

  /**
   * Says which request is the last that counts (GOAWAY, RFC 9113 §6.8), and closes the connection when all are answered. A GOAWAY
   * before it, that only warns, cannot be sent: Node's library ignores requests behind any GOAWAY, and their clients would wait.
   */
  #limit(event: 'ping' | 'remoteSettings', limit: { most: number; perSecond: number }): void {
    const allowance = new Allowance(limit);
    this.#session.on(event, () => this.#takeFrom(allowance));
  }

  #takeFrom(allowance: Allowance): void {
    if (!allowance.take()) this.#session.destroy(TOO_MUCH, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  close(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  #closeAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.close(), ms);
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    clearTimeout(this.#idle);
    this.#streams += 1;
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#streams -= 1;
      if (stream.aborted && stream.rstCode !== constants.NGHTTP2_INTERNAL_ERROR) this.#takeFrom(this.#resets);
      if (this.#streams === 0 && !this.#session.destroyed)
        this.#idle = this.#closeAfter(this.#options.keepAliveMs);
    });
    // It was cancelled in the same breath.
    if (stream.destroyed) return;
    try {
      this.#begin(stream, raw);
    } catch (error) {
      // It ends the stream that it concerns, and nothing else.
      this.#options.handler.noteFault(error);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  #begin(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const { handler, peer } = this.#options;
    if (!stream.endAfterHeaders) joinPieces(stream);
    const request = new Http2Request(stream, raw, peer);
    const reply = new Http2Reply(stream, request.webSocketKey);
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, trailers: string[]) => {
      request.rawTrailers = trailers;
    });
    const running = handler.accept(request, reply);
    const gone = () => running?.clientGone();
    stream.on('aborted', gone).on('close', gone);
    stream.on('finish', () => {
      if (!request.complete) setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS).unref();
    });
  }
}
