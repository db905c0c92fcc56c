import type { Redis } from 'ioredis';
import { recentProblems, type Logger } from '../../runtime/logger.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('keep-log');

/** A row is forgotten an hour after it was written, and when its group is repaired: that of a live process is written anew, ms. */
const RENEW_MS = 60_000;

/** Whose problems they are. */
export interface LogOwner {
  /** Unique. A process has one row: of several names the first one counts. */
  readonly process: string;
  /** As people know it. */
  readonly name: string;
  /** Name of its agent record, when it has one. */
  readonly agent?: string | undefined;
}

/**
 * Keeps the last problems that this process has logged in Redis, where router-api finds them, also when the process is gone. To be
 * asked whenever the process has something else to say to Redis.
 */
export class LogKeeper {
  readonly #log: Logger;
  #kept = 0;
  #keptAt = -Infinity;
  #keptIn = '';
  #isKeeping = false;
  #process: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Writes what is new to the hash `key`. Never waits, never fails: what could not be written is written the next time. */
  keep(client: Redis | undefined, key: string, owner: LogOwner): void {
    const problems = recentProblems(this.#log);
    const count = problems?.count ?? 0;
    const isKept = count === this.#kept && key === this.#keptIn;
    if (!client || count === 0 || this.#isKeeping) return;
    if (isKept && performance.now() - this.#keptAt < RENEW_MS) return;
    this.#isKeeping = true;
    const { name, agent } = owner;
    this.#process ??= owner.process;
    const row = JSON.stringify({ name, agent, problems: problems?.list() });
    void runScript(client, script, [key], [this.#process, row])
      .then(() => {
        this.#kept = count;
        this.#keptIn = key;
        this.#keptAt = performance.now();
      })
      .catch((error: unknown) => this.#log.debug({ err: error }, 'could not keep the last problems'))
      .finally(() => (this.#isKeeping = false));
  }
}
