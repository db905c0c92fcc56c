import type { Redis } from 'ioredis';
import type { Logger } from '../../runtime/logger.ts';
import { readScript } from '../connection/run-script.ts';
import type { Store } from '../connection/store.ts';

/** All scripts that agents run. Their logins may run scripts and not load any. */
export const AGENT_SCRIPTS = [
  'join',
  'heartbeat',
  'renew',
  'reply',
  'look',
  'requeue',
  'leave',
  'keep-log',
] as const;

/** A server that has forgotten its scripts has them again after this time, ms. */
const LOOK_MS = 1_000;

export interface AgentScriptsOptions {
  readonly store: Pick<Store, 'onClient'>;
  readonly log: Logger;
}

/**
 * Keeps the scripts that agents run known to every server that this process is connected with: they are not copied to
 * replicas, and gone after a restart and after SCRIPT FLUSH. Every hub and every router-api does it.
 */
export class AgentScripts {
  readonly #log: Logger;
  readonly #clients = new Set<Redis>();
  readonly #texts = AGENT_SCRIPTS.map(readScript);
  readonly #timer: NodeJS.Timeout;
  #lastFailure = '';

  constructor({ store, log }: AgentScriptsOptions) {
    this.#log = log;
    store.onClient((client) => {
      this.#clients.add(client);
      client.once('end', () => this.#clients.delete(client));
      void this.#keep(client);
    });
    this.#timer = setInterval(() => {
      for (const client of this.#clients) if (client.status === 'ready') void this.#keep(client);
    }, LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #keep(client: Redis): Promise<void> {
    try {
      const known = (await client.script('EXISTS', ...this.#texts.map(({ sha }) => sha))) as number[];
      const missing = this.#texts.filter((_text, i) => known[i] !== 1);
      await Promise.all(missing.map(({ source }) => client.script('LOAD', source)));
      this.#lastFailure = '';
    } catch (error) {
      const { message } = error as Error;
      // The client that follows a lost connection comes here, too.
      if (client.status !== 'ready' || message === this.#lastFailure) return;
      this.#lastFailure = message;
      this.#log.warn(
        { reason: message },
        'could not load the scripts of agents: allow "+script|exists +script|load"',
      );
    }
  }
}
