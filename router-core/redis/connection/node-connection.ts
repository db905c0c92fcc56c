import type { Redis } from 'ioredis';
import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { isElsewhere, type Connection, type Purpose } from './connection.ts';
import { CurrentClient } from './current-client.ts';
import { dial, type Ended } from './dial.ts';
import { addressOf, type Address } from './login.ts';
import { noteGuest } from './missing-scripts.ts';
import { noteOrigin } from './origin.ts';

export interface NodeConnectionOptions {
  /** The URL of one server. */
  readonly url: string;
  /** An agent's token to log in with, instead of any user and password in the URL. */
  readonly token?: string | undefined;
  readonly purpose: Purpose;
  /** True when a replica will do: its users can be managed, but nothing can be written. */
  readonly isReplica?: boolean;
  /** True when another server may take over from this one. */
  readonly hasReplicas?: boolean;
  readonly log: Logger;
  /** How long one blocking read may take, ms. The socket is closed 5 s after that. */
  readonly blockMs?: number | undefined;
  /** Called whenever there is another client, or none any more. */
  readonly onChange?: () => void;
  /**
   * Called once when this login, which was accepted before, is refused for good: not by a Redis that has restarted without its
   * users.
   */
  readonly onRevoked?: (() => void) | undefined;
  /** Another server has the keys of a command. */
  readonly onElsewhere?: (error: Error) => void;
}

/** A server that does not answer a command for this long is treated as gone; watch-silence.ts has the details. */
const COMMAND_TIMEOUT_MS = 4_000;

/**
 * A login that was accepted counts as revoked when a server that was never away refuses it for this long, ms. router-api
 * checks the logins every second, so one that was only renewed or repaired is accepted much sooner.
 */
const REVOKED_AFTER_MS = 10_000;

/**
 * One connection to one server. It is made again, with back-off, whenever it is lost. Each try is a new client: calls in
 * flight on the old one reject at once, and nothing is sent twice (a reconnecting ioredis client neither resends nor settles
 * what was in flight).
 */
export class NodeConnection implements Connection {
  readonly #options: NodeConnectionOptions;
  readonly #address: Address;
  readonly #closing = new AbortController();
  readonly #current = new CurrentClient();
  #dialled: Redis | undefined;

  constructor(options: NodeConnectionOptions) {
    this.#options = options;
    this.#address = addressOf(options);
    void this.#run();
  }

  /** The client, when it is ready to take commands. */
  get client(): Redis | undefined {
    return this.#current.client;
  }

  ready(signal?: AbortSignal): Promise<Redis | undefined> {
    return this.#current.ready(signal);
  }

  readyWithin(ms: number): Promise<Redis | undefined> {
    return this.#current.readyWithin(ms);
  }

  onReady(listener: (client: Redis) => void): void {
    this.#current.onReady(listener);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#dialled?.disconnect();
    this.#current.end();
  }

  async #run(): Promise<void> {
    const { log, purpose, onRevoked } = this.#options;
    const refusals = new Refusals();
    const backoff = createBackoff({ minMs: 50, maxMs: 2_000 });
    // Each is logged once per outage: a server that was gone may come back and refuse the login.
    const said = { gone: false, refused: false };
    while (!this.#closing.signal.aborted) {
      const { reason, refused } = await this.#serve(() => {
        refusals.letIn();
        if (said.gone || said.refused) log.info({ purpose }, 'Redis is back');
        said.gone = said.refused = false;
        backoff.reset();
      });
      if (this.#closing.signal.aborted) return;
      if (refusals.areFinal(refused)) onRevoked?.();
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
  async #serve(onReady: () => void): Promise<Ended> {
    const { purpose, token, isReplica = false, hasReplicas = false, log } = this.#options;
    const { onChange, onElsewhere } = this.#options;
    let isNoMaster = false;
    const welcome = async (ready: Redis) => {
      const { role, runId } = await describe(ready);
      isNoMaster = !isReplica && role === 'slave';
      if (hasReplicas) noteOrigin(ready, runId);
      if (token !== undefined) noteGuest(ready, log);
      if (this.#closing.signal.aborted || isNoMaster) return ready.disconnect();
      if (ready.status !== 'ready') return;
      onReady();
      this.#current.set(ready);
      onChange?.();
    };
    const { client, ended } = dial({
      address: this.#address,
      name: `mini-router:${purpose}`,
      silenceMs: this.#silenceMs(),
      onReady: (ready) => void welcome(ready),
      onClose: () => {
        this.#current.set(undefined);
        onChange?.();
      },
      onError: (error) => {
        if (!isElsewhere(error)) return false;
        onElsewhere?.(error);
        // The server has become a replica, or was one: another dial finds the master.
        return error.message.startsWith('READONLY');
      },
    });
    this.#dialled = client;
    const end = await ended;
    return isNoMaster ? { reason: 'this Redis is a replica', refused: false } : end;
  }

  #silenceMs(): number | undefined {
    const { purpose, blockMs = 0 } = this.#options;
    // A subscriber is silent while nobody rings. TCP keep-alive notices a dead connection.
    if (purpose === 'doorbells') return undefined;
    return purpose === 'blocking' ? blockMs + 5_000 : COMMAND_TIMEOUT_MS;
  }
}

/** Tells a revoked login from a Redis that has restarted and does not have its users yet. */
class Refusals {
  /** True when the last dial was accepted. */
  #isIn = false;
  /** True when the login was accepted before, and the server was there at each dial since. */
  #wasIn = false;
  #since: number | undefined;
  #isSaid = false;

  letIn(): void {
    this.#isIn = true;
  }

  /** To be called after each dial; returns true once. */
  areFinal(refused: boolean): boolean {
    const now = performance.now();
    if (!refused) this.#wasIn = this.#isIn;
    if (!refused || !this.#wasIn) this.#since = undefined;
    else this.#since ??= now;
    this.#isIn = false;
    if (this.#isSaid || this.#since === undefined || now - this.#since < REVOKED_AFTER_MS) return false;
    this.#isSaid = true;
    return true;
  }
}

/** Empty when the server does not say: not every engine and proxy has replicas. */
async function describe(client: Redis): Promise<{ role: string; runId: string }> {
  const about = await Promise.all([client.info('replication'), client.info('server')]).catch(() => []);
  const field = (name: string) => new RegExp(`^${name}:(\\w+)`, 'm').exec(about.join('\n'))?.[1] ?? '';
  return { role: field('role'), runId: field('run_id') };
}
