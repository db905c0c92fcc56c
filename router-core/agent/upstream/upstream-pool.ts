import { createDialer, type ConnectionTarget, type Dialer } from './dialer.ts';
import { UpstreamConnection, type ReplyHandler } from './upstream-connection.ts';
import type { OnTaken, UpstreamRequest } from '../../http/request-writer.ts';

export interface UpstreamCall {
  /** Ends the call; the upstream sees its connection close. */
  abort(): void;
  /** The reply window has opened. */
  resume(): void;
  /** Writes more of a request body that follows, once `onReady` was called; after a 101, bytes of the other protocol. */
  write(chunk: Buffer, onTaken: OnTaken): void;
  /** Ends the body. `trailers`: lines of fields. */
  end(trailers: string): void;
}

const SWEEP_MS = 1_000;

/**
 * The connections to one origin: as many as there were calls at once, without those that were idle for too long, and never
 * more than slots. An upstream with one thread serves one connection until that is closed: it would never answer a second one.
 */
export class UpstreamPool {
  readonly #target: ConnectionTarget;
  readonly #dialer: Dialer;
  readonly #all = new Set<UpstreamConnection>();
  /** The connection that was used last is used first, so that the others can expire. */
  #idle: UpstreamConnection[] = [];
  /** Calls that wait because a health check has the last connection. */
  #waiting: PooledCall[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  /** The most connections: the sum of the slots of the instances that share the pool. */
  slots = 0;

  constructor(target: ConnectionTarget) {
    this.#target = target;
    this.#dialer = createDialer(target);
  }

  /** Connections that are in use. */
  get busy(): number {
    return this.#all.size - this.#idle.length;
  }

  call(request: UpstreamRequest, handler: ReplyHandler): UpstreamCall {
    const call = new PooledCall(request, handler);
    if (!this.#start(call)) this.#waiting.push(call);
    return call;
  }

  /** True when a call could be made now without a new connection. */
  get hasIdle(): boolean {
    return this.#idle.some(({ usable }) => usable);
  }

  /** Opens a connection to check that this works; aborting the call closes it. */
  probe(handler: ReplyHandler): UpstreamCall {
    const call = new PooledCall(undefined, handler);
    call.connection = this.#open();
    call.connection.await(handler);
    return call;
  }

  /** Aborts running calls. */
  destroy(): void {
    clearInterval(this.#sweeper);
    this.#waiting = [];
    for (const connection of this.#all) connection.destroy();
  }

  #start(call: PooledCall): boolean {
    const connection = this.#takeIdle() ?? (this.#all.size < this.slots ? this.#open() : undefined);
    if (!connection) return false;
    call.start(connection);
    return true;
  }

  #takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection || connection.usable) return connection;
      connection.destroy();
    }
  }

  #open(): UpstreamConnection {
    const { origin, connectTimeoutMs } = this.#target;
    const connection = new UpstreamConnection({
      origin,
      connectTimeoutMs,
      dialer: this.#dialer,
      onFree: (free) => {
        this.#idle.push(free);
        this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
        if (this.#waiting.length > 0) this.#startWaiting();
      },
      onClosed: (closed) => {
        this.#all.delete(closed);
        this.#idle = this.#idle.filter((each) => each !== closed);
        if (this.#waiting.length > 0) this.#startWaiting();
      },
    });
    this.#all.add(connection);
    return connection;
  }

  #startWaiting(): void {
    for (let first = this.#waiting.shift(); first; first = this.#waiting.shift()) {
      if (first.aborted || this.#start(first)) continue;
      this.#waiting.unshift(first);
      return;
    }
  }

  #sweep(): void {
    const old = this.#idle.filter((connection) => !connection.usable);
    for (const connection of old) connection.destroy();
    this.#idle = this.#idle.filter((connection) => connection.usable);
    if (this.#idle.length > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

/** One call. When it is over, its connection may be another call's: then this object no longer touches it. */
class PooledCall implements UpstreamCall {
  readonly #request: UpstreamRequest | undefined;
  readonly #handler: ReplyHandler;
  connection: UpstreamConnection | undefined;
  aborted = false;

  constructor(request: UpstreamRequest | undefined, handler: ReplyHandler) {
    this.#request = request;
    this.#handler = handler;
  }

  start(connection: UpstreamConnection): void {
    this.connection = connection;
    if (this.#request) connection.send(this.#request, this.#handler);
  }

  abort(): void {
    this.aborted = true;
    this.#ours?.destroy();
  }

  resume(): void {
    this.#ours?.resume();
  }

  write(chunk: Buffer, onTaken: OnTaken): void {
    this.#ours?.write(chunk, onTaken);
  }

  end(trailers: string): void {
    this.#ours?.end(trailers);
  }

  get #ours(): UpstreamConnection | undefined {
    return this.connection?.serves(this.#handler) ? this.connection : undefined;
  }
}
