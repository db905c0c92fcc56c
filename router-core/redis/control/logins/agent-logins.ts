import type { Logger } from '../../../runtime/logger.ts';
import type { AgentLogin } from './agent-acl.ts';
import { StoreUnavailableError } from '../../../exchange/store-unavailable.ts';
import { provisionAgentLogins, type AgentLoginChanges } from './provision-agent-logins.ts';
import type { Store } from '../../connection/store.ts';

export interface AgentLoginsOptions {
  /** Users are not replicated, and must be current when a replica takes over. */
  readonly store: Pick<Store, 'masters' | 'replicas' | 'onClient'>;
  /** Called for every run: with an older list a revoked token would come back. */
  readonly wanted: () => Promise<readonly AgentLogin[]>;
  /** Called with the ids of tokens whose logins were deleted. */
  readonly onDeleted: (tokenIds: readonly string[]) => void;
  readonly log: Logger;
}

/**
 * Maintains the agents' logins on each server of a Redis: after every new connection, because a restarted server has lost
 * them, and on demand. Ends with its connections.
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
      // The next connection tries again; other errors were logged.
      this.provision().catch(() => undefined);
    });
  }

  /** Makes the logins as they are wanted now, or later than now. Rejects as provisionAgentLogins does, and as `wanted` does. */
  provision(): Promise<AgentLoginChanges> {
    // One run at a time. Calls before the next run begins share it.
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
      // A server that is away gets them when it is back.
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
      // Logged once: it would repeat with every run.
      if (message !== this.#lastFailure) log.warn({ reason: message }, "agents' logins could not be made");
      this.#lastFailure = message;
      throw error;
    }
  }
}
