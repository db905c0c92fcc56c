import { setMaxListeners } from 'node:events';
import { Redis, ReplyError } from 'ioredis';
import { createBackoff, sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { addressOf, HIDDEN_PASSWORD, LoginCommand, type Address } from './login.ts';

/** Connection lost, or not there: whether the command ran is unknown unless `sent` is false. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly sent: boolean;
  constructor(sent: boolean, options?: ErrorOptions) {
    super('Redis is not reachable', options);
    this.sent = sent;
  }
}

export interface ConnectionOptions {
  readonly url: string;
  /** An agent's token to log in with, instead of any user and password in the URL. */
  readonly token?: string | undefined;
  readonly purpose: 'commands' | 'blocking' | 'doorbells';
  readonly log: Logger;
  /** How long one blocking read may take, ms: the socket is given up 5 s after that. */
  readonly blockMs?: number;
}

/** A server that does not answer a command for this long is treated as gone. */
const COMMAND_TIMEOUT_MS = 4_000;

/** Why a client ended. */
interface Ended {
  readonly reason: string;
  /** Redis is there and does not let us in. */
  readonly refused: boolean;
}

/**
 * One connection to Redis that is made again, with back-off, whenever it is lost. Each try is a new client: what was in
 * flight on the old one rejects at once, nothing is sent twice behind our back, and nothing waits for ever
 * (a reconnecting ioredis client neither resends nor settles what it had in flight).
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #address: Address;
  readonly #closing = new AbortController();
  readonly #readyListeners: ((client: Redis) => void)[] = [];
  #waiters: ((client: Redis | undefined) => void)[] = [];
  #client: Redis | undefined;
  #dialing: Redis | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#address = addressOf(options);
    void this.#run();
  }

  /** The client, when it is ready to take commands. */
  get client(): Redis | undefined {
    return this.#client;
  }

  /** Resolves with the client as soon as there is one; undefined when the connection is closed or the signal aborts. */
  async ready(signal?: AbortSignal): Promise<Redis | undefined> {
    // Closed first: a loop that retries until its signal aborts must come to its end.
    if (this.#closing.signal.aborted || signal?.aborted) return undefined;
    if (this.#client) return this.#client;
    return new Promise((resolve) => {
      const done = (client: Redis | undefined) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(client);
      };
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== done);
        done(undefined);
      };
      if (signal) {
        // All that wait for Redis may share one signal: more than ten of them are no leak.
        setMaxListeners(0, signal);
        signal.addEventListener('abort', onAbort, { once: true });
      }
      this.#waiters.push(done);
    });
  }

  /** Like `ready()`, for at most so long. (Not by AbortSignal.any(): in Node 20 its signals may be collected unfired.) */
  async readyWithin(ms: number): Promise<Redis | undefined> {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), ms);
    try {
      return await this.ready(giveUp.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Called with every new client before `ready()` hands it out. */
  onReady(listener: (client: Redis) => void): void {
    this.#readyListeners.push(listener);
    if (this.#client) listener(this.#client);
  }

  /** Cuts the connection; a blocking read on it rejects. A new one is made. */
  cut(): void {
    this.#client?.disconnect();
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    (this.#client ?? this.#dialing)?.disconnect();
    this.#wake(undefined);
  }

  #wake(client: Redis | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(client);
  }

  async #run(): Promise<void> {
    const { log, purpose } = this.#options;
    const backoff = createBackoff({ minMs: 50, maxMs: 2_000 });
    // Each is said once per outage: a server that is gone may come back and refuse the login.
    const said = { gone: false, refused: false };
    while (!this.#closing.signal.aborted) {
      const { reason, refused } = await this.#serve(() => {
        if (said.gone || said.refused) log.info({ purpose }, 'Redis is back');
        said.gone = said.refused = false;
        backoff.reset();
      });
      if (this.#closing.signal.aborted) return;
      if (refused && !said.refused) {
        log.warn({ purpose }, `Redis refuses this login: ${reason}; trying again until it does not`);
      } else if (!refused && !said.gone) {
        log.warn({ purpose, reason }, 'Redis is not reachable, trying again until it is');
      }
      said[refused ? 'refused' : 'gone'] = true;
      await sleep(backoff.next(), this.#closing.signal);
    }
  }

  /** One client from its first dial to its end. */
  #serve(onReady: () => void): Promise<Ended> {
    return new Promise((resolve) => {
      const { url, login } = this.#address;
      const client = new Redis(url, {
        ...(login && { username: login.username, password: HIDDEN_PASSWORD }),
        protocol: 2,
        disableClientInfo: true,
        enableOfflineQueue: false,
        autoResendUnfulfilledCommands: false,
        autoResubscribe: false,
        retryStrategy: () => null,
        connectTimeout: 5_000,
        connectionName: `mini-router:${this.#options.purpose}`,
        ...this.#socketTimeout(),
      });
      if (login) client.auth = () => client.sendCommand(new LoginCommand(login)) as Promise<'OK'>;
      this.#dialing = client;
      let reason = 'connection closed';
      let refused = false;
      client.on('error', (error) => {
        reason = error.message;
        refused = isRefusal(error);
      });
      client.on('ready', () => {
        // ioredis goes on when its SELECT is refused, in another database than ours.
        if (this.#closing.signal.aborted || refused) return client.disconnect();
        onReady();
        this.#client = client;
        for (const listener of this.#readyListeners) listener(client);
        this.#wake(client);
      });
      client.on('close', () => (this.#client = undefined));
      client.on('end', () => {
        this.#dialing = undefined;
        resolve({ reason, refused });
      });
    });
  }

  #socketTimeout(): { socketTimeout?: number } {
    const { purpose, blockMs = 0 } = this.#options;
    // A subscriber is silent for as long as nobody rings; TCP keep-alive watches over it.
    if (purpose === 'doorbells') return {};
    return { socketTimeout: purpose === 'blocking' ? blockMs + 5_000 : COMMAND_TIMEOUT_MS };
  }
}

/** Wrong password, no password, or a user that may not even do what every connection begins with. */
function isRefusal(error: unknown): boolean {
  return isServerError(error) && /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message);
}

/** Whether the server answered the command with an error; otherwise the connection failed and nobody knows what ran. */
export function isServerError(error: unknown): error is Error {
  return error instanceof (ReplyError as new () => Error);
}
