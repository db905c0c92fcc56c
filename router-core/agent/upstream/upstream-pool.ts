import { UpstreamConnection, type ReplyHandler, type UpstreamRequest } from './upstream-connection.ts';

export interface UpstreamCall {
  /** Ends the call; the upstream sees its connection close. */
  abort(): void;
  /** The reply window has opened. */
  resume(): void;
}

const SWEEP_MS = 1_000;

/** The connections to one origin. There are as many as there were calls at once, less those that were idle for too long. */
export class UpstreamPool {
  readonly #url: URL;
  readonly #connectTimeoutMs: number;
  readonly #all = new Set<UpstreamConnection>();
  /** The one that was used last is used first: the others may go. */
  #idle: UpstreamConnection[] = [];
  #sweeper: NodeJS.Timeout | undefined;

  constructor(url: URL, connectTimeoutMs: number) {
    this.#url = url;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  call(request: UpstreamRequest, handler: ReplyHandler): UpstreamCall {
    const connection = this.#takeIdle() ?? this.#open();
    connection.send(request, handler);
    // Afterwards the connection may be another call's.
    const ifOurs = (act: () => void) => () => void (connection.serves(handler) && act());
    return { abort: ifOurs(() => connection.destroy()), resume: ifOurs(() => connection.resume()) };
  }

  /** Calls under way are aborted. */
  destroy(): void {
    clearInterval(this.#sweeper);
    for (const connection of this.#all) connection.destroy();
  }

  #takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection || connection.usable) return connection;
      connection.destroy();
    }
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection({
      url: this.#url,
      connectTimeoutMs: this.#connectTimeoutMs,
      onFree: (free) => {
        this.#idle.push(free);
        this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
      },
      onClosed: (closed) => {
        this.#all.delete(closed);
        this.#idle = this.#idle.filter((each) => each !== closed);
      },
    });
    this.#all.add(connection);
    return connection;
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
