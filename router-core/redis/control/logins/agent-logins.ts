import type { Logger } from '../../../runtime/logger.ts';
import type { AgentLogin } from './agent-acl.ts';
import { StoreUnavailableError } from '../../../exchange/store-unavailable.ts';
import { provisionAgentLogins, type AgentLoginChanges } from './provision-agent-logins.ts';
import type { Store } from '../../connection/store.ts';

export interface AgentLoginsOptions {
  /** Users are not copied from server to server, and must be those of now when a replica takes over. */
  readonly store: Pick<Store, 'masters' | 'replicas' | 'onClient'>;
  /** Read anew for every run: an older list would bring a revoked token back. */
  readonly wanted: () => Promise<readonly AgentLogin[]>;
  /** Called with ids of tokens whose logins were there until now and are not wanted. */
  readonly onDeleted: (tokenIds: readonly string[]) => void;
  readonly log: Logger;
}

/**
 * Keeps the agents' logins of a Redis, on each of its servers: they are made after every new connection to one, since a server
 * that restarts has lost them, and whenever told. Ends with its connections.
 */
export class AgentLogins {
  readonly #options: AgentLoginsOptions;
  /** The run under way, and the one that waits for its end. */
  #running: Promise<unknown> = Promise.resolve();
  #queued: Promise<AgentLoginChanges> | undefined;
  #lastFailure = '';

  constructor(options: AgentLoginsOptions) {
    this.#options = options;
    options.store.onClient(() => {
      // A lost connection is followed by a new one; everything else has been logged.
      this.provision().catch(() => undefined);
    });
  }

  /** Makes them as they are wanted now, or later than now. Rejects as provisionAgentLogins does, and as `wanted` does. */
  provision(): Promise<AgentLoginChanges> {
    // One at a time. Whoever asks before the next one has begun is served by it.
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      return this.#run();
    });
    this.#running = this.#queued.catch(() => undefined);
    return this.#queued;
  }

  async #run(): Promise<AgentLoginChanges> {
    const { store, wanted, onDeleted, log } = this.#options;
    try {
      const logins = await wanted();
      // One that is away gets them when it is back.
      const clients = [...store.masters(), ...store.replicas()].flatMap(({ client }) => client ?? []);
      if (clients.length === 0) throw new StoreUnavailableError(false);
      const changes = await provisionAgentLogins(clients, logins);
      const { created, changed, deleted } = changes;
      if (created.length + changed.length + deleted.length > 0)
        log.info(changes, "agents' logins are up to date");
      if (deleted.length > 0) onDeleted(deleted);
      this.#lastFailure = '';
      return changes;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // Asked for again and again, it would fill the log with one sentence.
      if (message !== this.#lastFailure) log.warn({ reason: message }, "agents' logins could not be made");
      this.#lastFailure = message;
      throw error;
    }
  }
}
