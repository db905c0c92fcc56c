import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ReplyParser, type ReplySink } from '../../http/reply-parser.ts';
import { unreachedInTime } from './unreached.ts';

/** What comes of one call. After `onEnd` or `onError` nothing more comes. */
export interface ReplyHandler {
  onHead(status: number, reason: string, fields: string[]): void;
  /** Returns false when nothing more may come before `resume`. */
  onBody(bytes: Buffer): boolean;
  onEnd(trailers: string[]): void;
  onError(error: Error): void;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Request line and fields, latin1, to the empty line. */
  readonly head: string;
  readonly body: Buffer | undefined;
}

export interface ConnectionOptions {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** It can take another request. */
  readonly onFree: (connection: UpstreamConnection) => void;
  /** It never will again. */
  readonly onClosed: (connection: UpstreamConnection) => void;
}

/** Kept while idle for so long when the upstream does not say: less than servers usually do. */
const IDLE_MS = 4_000;
const MOST_IDLE_MS = 600_000;
/** A request must not meet the close that is on its way to it. */
const MARGIN_MS = 1_000;

/** Every connection reads into this one: what is passed on is a copy. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** One HTTP/1.1 connection to an upstream, for one request after the other. */
export class UpstreamConnection implements ReplySink {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #parser = new ReplyParser();
  #handler: ReplyHandler | undefined;
  #mayRead = true;
  #idleUntil = Infinity;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { url, connectTimeoutMs } = options;
    const isTls = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const address = { host, port: Number(url.port) || (isTls ? 443 : 80) };
    const onread = { buffer: readBuffer, callback: (bytes: number) => this.#onRead(bytes) };
    const tcp = { ...address, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
    const socket = isTls
      ? connectTls({ ...tcp, servername: isIP(host) ? '' : host, ALPNProtocols: ['http/1.1'] })
      : connectTcp(tcp);
    this.#socket = socket;
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(unreachedInTime(url.origin)));
    socket.once(isTls ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
    socket.on('end', () => this.#read(() => this.#parser.close()));
    socket.on('error', (error: Error) => this.#fail(error));
    socket.on('close', () => {
      this.#fail(new Error('the connection was closed before the end of the reply'));
      options.onClosed(this);
    });
  }

  /** Whether it is still there, and will be when a request arrives at its other end. */
  get usable(): boolean {
    return this.#socket.writable && performance.now() < this.#idleUntil;
  }

  send({ method, head, body }: UpstreamRequest, handler: ReplyHandler): void {
    this.#handler = handler;
    this.#parser.expect(method, this);
    if (body) this.#socket.cork();
    this.#socket.write(head, 'latin1');
    if (!body) return;
    this.#socket.write(body);
    this.#socket.uncork();
  }

  /** Whether this handler's call is still under way. */
  serves(handler: ReplyHandler): boolean {
    return this.#handler === handler;
  }

  resume(): void {
    if (this.#mayRead) return;
    this.#mayRead = true;
    this.#socket.resume();
  }

  /** The upstream sees its connection close; the handler hears no more. */
  destroy(): void {
    this.#handler = undefined;
    this.#socket.destroy();
  }

  onHead(status: number, reason: string, fields: string[]): void {
    this.#handler?.onHead(status, reason, fields);
  }

  onBody(bytes: Buffer): void {
    if (this.#handler?.onBody(Buffer.from(bytes)) === false) this.#mayRead = false;
  }

  onEnd(trailers: string[]): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onEnd(trailers);
  }

  /** Returns whether reading goes on. */
  #onRead(bytes: number): boolean {
    const wasBusy = this.#handler !== undefined;
    this.#read(() => this.#parser.take(readBuffer.subarray(0, bytes)));
    if (this.#handler) return this.#mayRead;
    // Idle, it is read for its end.
    this.#mayRead = true;
    if (wasBusy && !this.#socket.destroyed) this.#release();
    return true;
  }

  #read(parse: () => void): void {
    try {
      parse();
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
  }

  #release(): void {
    const { reusable, keepAliveMs } = this.#parser;
    if (!reusable) return void this.#socket.destroy();
    const idleMs = keepAliveMs === undefined ? IDLE_MS : Math.min(keepAliveMs, MOST_IDLE_MS) - MARGIN_MS;
    this.#idleUntil = performance.now() + idleMs;
    this.#options.onFree(this);
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onError(error);
  }
}
