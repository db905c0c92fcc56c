import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import type { Connection } from '../connection/connection.ts';
import { callStore } from '../connection/store-call.ts';
import { ConfigReader, FRESH_STATE, type ConfigState } from '../../config/config-state.ts';
import { readConfig } from './config-store.ts';
import { CHANGES_CHANNEL, CONFIG_KEYS } from '../scripts/keys.ts';

export interface ConfigWatchOptions {
  readonly commands: Connection;
  /** Announces changes; hints, as all doorbells are. */
  readonly doorbells: Connection;
  /**
   * Called with the first state and every later one, before `state` returns it. May reject when `superseded` aborts: a newer
   * version is there.
   */
  readonly onState: (state: ConfigState, superseded: AbortSignal) => void | Promise<void>;
  /** The state of a version that this process has written itself. */
  readonly known?: (version: number) => ConfigState | undefined;
  readonly log: Logger;
}

/** A change whose announcement was lost is noticed within this time, ms. */
const CHECK_MS = 5_000;

/**
 * Reading a version for longer than this, ms, goes on when a newer one appears. Otherwise a busy writer could keep this
 * process from ever applying a version.
 */
const PATIENCE_MS = 5_000;

/**
 * Follows the configuration: reads all of it after each change, and passes each version on as one state. While Redis is away,
 * or has lost its data, the last state stays.
 */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #closing = new AbortController();
  readonly #reader = new ConfigReader();
  #state: ConfigState | undefined;
  #wake: AbortController = new AbortController();
  #saidLost = false;
  /** The version that is being read and applied. */
  #taking: { readonly version: number; readonly superseded: AbortController } | undefined;
  /** The time since which another version than that of `state` is known. */
  #behindSince: number | undefined;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
    options.doorbells.onReady((client) => void this.#subscribe(client));
    options.commands.onReady(() => this.check());
    void this.#followForEver();
  }

  /** Undefined until it was read for the first time. */
  get state(): ConfigState | undefined {
    return this.#state;
  }

  /** The version in Redis, read now. Rejects with StoreUnavailableError. */
  newestVersion(): Promise<number> {
    return callStore(this.#options.commands, readVersion);
  }

  /** Checks now if there is a new version. */
  check(): void {
    this.#wake.abort();
  }

  close(): void {
    this.#closing.abort();
    this.#taking?.superseded.abort();
    this.#wake.abort();
  }

  async #subscribe(client: Redis): Promise<void> {
    client.on('message', (channel: string, version: string) => {
      if (channel !== CHANGES_CHANNEL) return;
      this.#giveWayTo(Number(version));
      this.check();
    });
    // It failed with its connection; the next one subscribes again.
    await client.subscribe(CHANGES_CHANNEL).catch(() => undefined);
    this.check();
  }

  async #followForEver(): Promise<void> {
    const { commands, log } = this.#options;
    const { signal } = this.#closing;
    const look = async (): Promise<boolean> => {
      const client = await commands.ready(signal);
      if (!client) return false;
      // Before the look: a change that comes during it leads to another look.
      this.#wake = new AbortController();
      await this.#look(client);
      return true;
    };
    const onFailure = (err: unknown) => log.debug({ err }, 'could not read the configuration, trying again');
    while (await retry(look, { signal, minMs: 100, maxMs: 2_000, onFailure })) {
      await sleep(CHECK_MS, this.#wake.signal);
    }
  }

  async #look(client: Redis): Promise<void> {
    const version = await readVersion(client);
    if (this.#state?.version === version) return;
    if (version === 0 && this.#state) return this.#keep();
    this.#behindSince ??= performance.now();
    const superseded = new AbortController();
    this.#taking = { version, superseded };
    try {
      await this.#take(client, version, superseded.signal);
    } catch (error) {
      // Abandoned for a newer version, which the next look finds.
      if (!superseded.signal.aborted) throw error;
    } finally {
      this.#taking = undefined;
    }
  }

  async #take(client: Redis, version: number, signal: AbortSignal): Promise<void> {
    const { known, log, onState } = this.#options;
    const reading = { reader: this.#reader, log, signal };
    const state = known?.(version) ?? (version === 0 ? FRESH_STATE : await readConfig(client, reading));
    this.#saidLost = false;
    await onState(state, signal);
    this.#state = state;
    this.#behindSince = undefined;
  }

  /** A version that is no longer the newest need not be applied. */
  #giveWayTo(version: number): void {
    const isPatient = performance.now() - (this.#behindSince ?? 0) < PATIENCE_MS;
    if (this.#taking && version > this.#taking.version && isPatient) this.#taking.superseded.abort();
  }

  /** Redis came back without its data: the last configuration stays. */
  #keep(): void {
    if (!this.#saidLost) {
      this.#options.log.error(
        { version: this.#state?.version },
        'Redis has lost the configuration: going on with the last one; the next change through router-api writes it again',
      );
    }
    this.#saidLost = true;
  }
}

async function readVersion(client: Redis): Promise<number> {
  return Number((await client.get(CONFIG_KEYS.version)) ?? '0');
}
