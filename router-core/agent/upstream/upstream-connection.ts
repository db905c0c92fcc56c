import type { Socket } from 'node:net';
import { ReplyParser, type ReplySink } from '../../http/reply-parser.ts';
import { unreachedInTime } from './call-errors.ts';
import type { Dialer } from './dialer.ts';
import { RequestWriter, type OnTaken, type UpstreamRequest } from '../../http/request-writer.ts';

/** The events of one call. None follows `onEnd` or `onError`. */
export interface ReplyHandler {
  /** Connected: from now on the upstream may read. */
  onReady(): void;
  /** 1xx other than 100 and 101. */
  onInterim(status: number, reason: string, fields: string[]): void;
  /** 101 only when the request asked for it; then the bytes of the other protocol are the body. */
  onHead(status: number, reason: string, fields: string[]): void;
  /** Returns false when nothing more may come before `resume`. */
  onBody(bytes: Buffer): boolean;
  onEnd(trailers: string[]): void;
  /** `reached`: bytes of the request may have arrived. */
  onError(error: Error, reached: boolean): void;
}

export interface ConnectionOptions {
  readonly origin: string;
  readonly dialer: Dialer;
  readonly connectTimeoutMs: number;
  /** The connection can take another request. */
  readonly onFree: (connection: UpstreamConnection) => void;
  /** The connection is closed. Called once. */
  readonly onClosed: (connection: UpstreamConnection) => void;
}

/** How long an idle connection is kept when the upstream announces nothing: less than servers usually do. */
const IDLE_MS = 4_000;
const MOST_IDLE_MS = 600_000;
/** A request must not meet a close that is already on its way. */
const MARGIN_MS = 1_000;
/** A read with more chunks than this took long, so others come first: 64 KiB can contain 11,000 chunks, which take 1 ms. */
const MANY_CHUNKS = 512;

/** Connections that continue after such a read, one per turn however many there are: all others wait for their turns. */
const resting: (() => void)[] = [];

function restInTurn(goOn: () => void): void {
  if (resting.push(goOn) === 1) setImmediate(endOneRest);
}

function endOneRest(): void {
  resting.shift()?.();
  if (resting.length > 0) setImmediate(endOneRest);
}

/** All connections read into this buffer: data that is passed on is copied. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** One HTTP/1.1 connection to an upstream, for one request after the other. */
export class UpstreamConnection implements ReplySink {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #parser = new ReplyParser();
  readonly #writer: RequestWriter;
  #handler: ReplyHandler | undefined;
  #ready = false;
  #closed = false;
  #mayRead = true;
  #idleUntil = Infinity;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { origin, connectTimeoutMs, dialer } = options;
    const callback = (bytes: number) => this.#onRead(bytes);
    const socket = dialer.open({ buffer: readBuffer, callback });
    this.#socket = socket;
    this.#writer = new RequestWriter(socket);
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(unreachedInTime(origin)));
    socket.once(dialer.readyEvent, () => {
      socket.setTimeout(0);
      this.#ready = true;
      this.#handler?.onReady();
    });
    socket.on('end', () => this.#guarded(() => this.#parser.close()));
    socket.on('error', (error: Error) => this.#fail(error));
    socket.on('close', () => this.#onClose());
  }

  /** True when the connection is there, and still will be when a request arrives at its other end. */
  get usable(): boolean {
    return this.#socket.writable && performance.now() < this.#idleUntil;
  }

  send(request: UpstreamRequest, handler: ReplyHandler): void {
    this.#handler = handler;
    this.#parser.expect(request.method, this, request.framing === 'switched');
    this.#writer.begin(request);
    if (this.#ready && request.follows) handler.onReady();
  }

  /** Reports when the connection is established, and sends nothing. */
  await(handler: ReplyHandler): void {
    this.#handler = handler;
  }

  /** Writes more of the body of the request. */
  write(chunk: Buffer, onTaken: OnTaken): void {
    this.#guarded(() => this.#writer.write(chunk, onTaken));
  }

  end(trailers: string): void {
    this.#guarded(() => this.#writer.end(trailers));
  }

  /** True while this handler's call is running. */
  serves(handler: ReplyHandler): boolean {
    return this.#handler === handler;
  }

  resume(): void {
    if (this.#mayRead) return;
    this.#mayRead = true;
    this.#socket.resume();
  }

  /** Closes the connection; the handler gets no more events. */
  destroy(): void {
    this.#handler = undefined;
    this.#socket.destroy();
    this.#onClose();
  }

  onInterim(status: number, reason: string, fields: string[]): void {
    this.#handler?.onInterim(status, reason, fields);
  }

  onHead(status: number, reason: string, fields: string[]): void {
    if (status === 101) this.#writer.switched();
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

  /** Returns false to stop reading. */
  #onRead(bytes: number): boolean {
    const wasBusy = this.#handler !== undefined;
    this.#guarded(() => this.#parser.take(readBuffer.subarray(0, bytes)));
    // An idle connection is read to notice its end.
    if (!this.#handler) this.#mayRead = true;
    if (wasBusy && !this.#handler && !this.#socket.destroyed) this.#release();
    if (!this.#mayRead || this.#parser.chunksTaken < MANY_CHUNKS) return this.#mayRead;
    restInTurn(() => {
      if (this.#mayRead) this.#socket.resume();
    });
    return false;
  }

  /** A fault of either side ends the connection. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error as Error);
      this.destroy();
    }
  }

  #release(): void {
    const { reusable, keepAliveMs } = this.#parser;
    // The reply came before the end of its request: the rest would be read as another request.
    if (!reusable || !this.#writer.complete) return this.destroy();
    const idleMs = keepAliveMs === undefined ? IDLE_MS : Math.min(keepAliveMs, MOST_IDLE_MS) - MARGIN_MS;
    this.#idleUntil = performance.now() + idleMs;
    this.#options.onFree(this);
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onError(error, this.#ready);
  }

  #onClose(): void {
    this.#fail(new Error('the connection was closed before the end of the reply'));
    if (this.#closed) return;
    this.#closed = true;
    this.#options.onClosed(this);
  }
}
