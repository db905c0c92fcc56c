import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ProblemCode } from '../../http/problems.ts';
import type { Http1Request } from './http1-request.ts';
import type { Lingering } from './lingering.ts';
import type { RequestHandler, RunningRequest } from './request-handler.ts';
import { sliceInput } from './slice-input.ts';
import type { Turns } from './turns.ts';

/** Reading stops at this many requests behind the one that runs. One read of 64 KiB may have brought more by then. */
const MAX_QUEUED = 8;

/**
 * The fields with which Node's own HTTP server stops reading behind requests that wait (socketOnDrain in lib/_http_server.js).
 * `pause()` of the socket alone does not hold: the next request that is read resumes it.
 */
interface HeldSocket {
  _paused?: boolean;
  parser?: { pause(): void; resume(): void } | null;
}

/** The field that `resetAndDestroy()` sets before it calls `destroySoon()` (lib/net.js). */
interface ResetSocket {
  readonly resetAndClosing?: boolean;
}

/** The reason for not reading a connection: requests are queued, or its turn among the expensive ones has not come. */
type Hold = 'queue' | 'turn';

/** The request that runs, or one that waits for its turn. */
interface Turn {
  readonly req: Http1Request;
  /** Starts its work. */
  begin(): void;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  /** Answers its requests. */
  readonly handler: RequestHandler;
  readonly lingering: Lingering;
  readonly turns: Turns;
  /** Answers bytes that are no request with an error, and closes. */
  readonly refuse: (socket: Socket, code: ProblemCode) => void;
  /** Count and limit of the requests that wait for their turn, of all connections. */
  readonly queued: { count: number; readonly most: number };
}

const CONNECTIONS = new WeakMap<Duplex, ClientConnection>();

export function connectionOf(socket: Duplex): ClientConnection | undefined {
  return CONNECTIONS.get(socket);
}

/**
 * One connection of a client, whose requests run one after the other: RFC 9112 §9.3.2 allows more only while all methods are safe,
 * and nobody's client would gain by that.
 */
export class ClientConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #holds = new Set<Hold>();
  #queue: Turn[] = [];
  #current: Http1Request | undefined;
  /** The error that ends the connection once all due replies are sent: the bytes behind them are no request. */
  #endsWith: ProblemCode | undefined;
  /** The last reply is written. Bytes that still arrive are discarded. */
  #isClosing = false;
  #isSliced = false;
  /** The current request, as the hub works on it. Undefined when the hub has refused it. */
  running: RunningRequest | undefined;

  constructor(options: ConnectionOptions) {
    const { socket } = options;
    this.#options = options;
    this.#socket = socket;
    // Node's `resetAndDestroy()` comes here as well: an end before its reset would be the end of the reply for some clients.
    const soon: Socket & ResetSocket = socket;
    socket.destroySoon = () => (soon.resetAndClosing ? socket.destroy() : this.#close());
    socket.on('close', () => this.#gone());
    // Before Node's own listener, which ends our half at once.
    socket.prependListener('end', () => this.#onEnd());
    socket.on('drain', () => {
      // Node has just begun to read again.
      if (this.#holds.size > 0) this.#pause();
    });
  }

  get handler(): RequestHandler {
    return this.#options.handler;
  }

  /** A request that comes now has to wait. */
  get isBusy(): boolean {
    return this.#current !== undefined || this.#isClosing || this.#endsWith !== undefined;
  }

  /** Begins at once: nothing else runs. */
  start(req: Http1Request): void {
    this.#current = req;
  }

  /** Takes a request that came while the connection was busy. */
  queue(turn: Turn): void {
    const { queued } = this.#options;
    if (this.#isClosing || this.#endsWith) return;
    if (queued.count >= queued.most) {
      this.#endsWith = 'hub-full';
      return;
    }
    queued.count += 1;
    if (this.#queue.push(turn) >= MAX_QUEUED) this.hold('queue');
  }

  /** The running request is answered: the next one begins. */
  next(): void {
    this.#current = undefined;
    this.running = undefined;
    if (this.#isClosing || this.#socket.destroyed) return;
    const turn = this.#queue.shift();
    if (turn) {
      this.#options.queued.count -= 1;
      if (this.#queue.length < MAX_QUEUED) this.release('queue');
      this.#current = turn.req;
      turn.begin();
    } else if (this.#endsWith) this.#options.refuse(this.#socket, this.#endsWith);
  }

  /** The body of this request can no longer arrive whole: the bytes behind its beginning are not HTTP. */
  isBroken(req: Http1Request): boolean {
    return this.#endsWith !== undefined && !req.complete;
  }

  /**
   * Node's parser has refused bytes; it says so again for each piece that follows. Replies that are due are sent first,
   * RFC 9112 §9.6.
   */
  broken(code: ProblemCode): void {
    if (this.#isClosing || this.#endsWith) {
      // The client has ended too: nobody is there any more.
      if (this.#socket.readableEnded) this.#socket.destroy();
      return;
    }
    this.#endsWith = code;
    if (!this.#current) return this.#options.refuse(this.#socket, code);
    if (this.#socket.readableEnded) this.#socket.destroy();
    else if (!this.#current.complete) this.running?.breakOff('bad-request');
  }

  /** The hub itself keeps the connection from being read. */
  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  /** Its bytes cost much to read: others go first. */
  yield(): void {
    if (!this.#isSliced) sliceInput(this.#socket);
    this.#isSliced = true;
    this.#options.turns.wait(this);
  }

  /** Stops reading. */
  hold(why: Hold): void {
    this.#holds.add(why);
    this.#pause();
  }

  release(why: Hold): void {
    if (!this.#holds.delete(why) || this.#holds.size > 0) return;
    const socket = this.#socket as Socket & HeldSocket;
    socket._paused = false;
    socket.parser?.resume();
    socket.resume();
  }

  #pause(): void {
    const socket = this.#socket as Socket & HeldSocket;
    // After an upgrade nobody parses here; the stream's own buffer is the bound.
    if (!socket.parser) return;
    socket._paused = true;
    socket.pause();
  }

  /** In place of Node's `destroySoon`: a client that still sends would lose the reply to the reset that answers its bytes. */
  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const mayStillSend =
      this.#endsWith !== undefined ||
      this.#queue.length > 0 ||
      (this.#current !== undefined && (!this.#current.complete || this.#current.hidesNext));
    this.#dropQueue();
    if (!mayStillSend) return closeWhenSent(this.#socket);
    for (const why of this.#holds) this.release(why);
    this.#options.lingering.add(this.#socket, this.#current);
  }

  /** The client sends no more, and is taken to have gone. For HTTP/1.0 only a reset says that a reply has broken off. */
  #onEnd(): void {
    if (this.#current?.httpVersion === '1.0' && this.running?.isReplyDue) this.#socket.resetAndDestroy();
  }

  #gone(): void {
    this.#isClosing = true;
    this.#dropQueue();
    this.running?.clientGone();
  }

  #dropQueue(): void {
    this.#options.queued.count -= this.#queue.length;
    this.#queue = [];
  }
}

/** A new connection: from here on its requests run one after the other. */
export function takeConnection(options: ConnectionOptions): void {
  CONNECTIONS.set(options.socket, new ClientConnection(options));
}

function closeWhenSent(socket: Socket): void {
  if (socket.writable) socket.end();
  if (socket.writableFinished) socket.destroy();
  else socket.once('finish', () => socket.destroy());
}
