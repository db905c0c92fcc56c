import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { HEAD_TIMEOUT_MS } from './http1-server.ts';
import { CONNECTION_WINDOW } from './http2-options.ts';
import { Http2Reply } from './http2-reply.ts';
import { Http2Request, type Http2Peer } from './http2-request.ts';
import type { RequestHandler } from './request-handler.ts';

/** A client may go on sending for so long when its reply is there, ms. Then it is told that nobody reads (RFC 9113 §8.1). */
const LINGER_MS = 100;

/** The largest id of a stream: "no new ones, but whatever is on its way counts". */
const LAST_STREAM = 2 ** 31 - 1;

export interface Http2ConnectionOptions {
  readonly handler: RequestHandler;
  readonly peer: Http2Peer;
  readonly keepAliveMs: number;
}

/** One connection of a client. Its requests run side by side. */
export class Http2Connection {
  readonly #session: ServerHttp2Session;
  readonly #options: Http2ConnectionOptions;
  #streams = 0;
  /** Closes the connection when there is no request for long. */
  #idle: NodeJS.Timeout;
  #away: NodeJS.Timeout | undefined;

  constructor(session: ServerHttp2Session, options: Http2ConnectionOptions) {
    this.#session = session;
    this.#options = options;
    this.#idle = this.#closeAfter(HEAD_TIMEOUT_MS);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    // The client may reset or break the rules at any time; `close` tells.
    session.on('error', () => undefined);
    session.on('close', () => {
      clearTimeout(this.#idle);
      clearTimeout(this.#away);
    });
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.#onStream(stream, raw),
    );
  }

  /** Says that there should be no new requests, and refuses them after `ms`. */
  sayAway(ms: number): void {
    if (this.#session.closed || this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
    this.#away = setTimeout(() => this.close(), ms);
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
      if (this.#streams === 0 && !this.#session.destroyed)
        this.#idle = this.#closeAfter(this.#options.keepAliveMs);
    });
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
