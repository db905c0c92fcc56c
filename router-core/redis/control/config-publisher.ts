import type { Logger } from '../../runtime/logger.ts';
import { AgentLogins } from './logins/agent-logins.ts';
import { groupsOfTokens, liveAgentTokens, writeAgentCards, type KnownCards } from './logins/agent-tokens.ts';
import type { ConfigState } from '../../config/config-state.ts';
import { dropGroup } from './drop-group.ts';
import { MovedTokens } from './logins/moved-tokens.ts';
import { settingsOf } from '../../config/group-settings.ts';
import { publishGroupSettings } from '../config/publish-group-settings.ts';
import type { Store } from '../connection/store.ts';
import { allOrFirstFailure, callStore } from '../connection/store-call.ts';

export interface ConfigPublisherOptions {
  readonly store: Store;
  /** Reads the state in Redis. */
  readonly newest: () => Promise<ConfigState>;
  /** Called with the groups of agents' tokens that have just expired. */
  readonly onExpired: (groups: ReadonlySet<string>) => void;
  readonly log: Logger;
}

const TICK_MS = 1_000;
/** How often removing the keys of a group is tried: hubs and instances need some seconds to leave it. */
const DROP_TRIES = 120;

/**
 * Brings Redis in line with the configuration: settings of groups, cards and logins of agents, no keys of removed groups.
 * Repeatable; every router-api does it after each change, after each reconnect (Redis may have lost its data), and when a
 * token expires.
 */
export class ConfigPublisher {
  readonly #options: ConfigPublisherOptions;
  readonly #logins: AgentLogins;
  readonly #timer: NodeJS.Timeout;
  /** The settings written since a server was last connected, group → JSON. */
  #settings = new Map<string, string>();
  #cards: KnownCards;
  readonly #moved = new MovedTokens();
  #nextExpiryMs = Infinity;
  #groups: ReadonlySet<string> = new Set();
  readonly #toDrop = new Map<string, number>();
  /** The run under way, and the one that waits for its end. */
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(options: ConfigPublisherOptions) {
    this.#options = options;
    const { store, newest, onExpired, log } = options;
    let state: ConfigState | undefined;
    const wanted = async () => {
      const now = Date.now();
      state = await newest();
      return this.#moved.loginsOf(liveAgentTokens(state, now).tokens, now);
    };
    const onDeleted = (tokenIds: readonly string[]) => {
      // Tokens that a change has removed are no longer in the state: that change has handled them.
      const groups = state ? groupsOfTokens(state, tokenIds) : new Set<string>();
      if (groups.size > 0) onExpired(groups);
    };
    this.#logins = new AgentLogins({ store, wanted, onDeleted, log });
    store.onClient(() => {
      this.#settings = new Map();
      this.#cards = undefined;
      void this.publish();
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Resolves when Redis matches the current configuration, or when a try has failed: it is repeated. */
  publish(): Promise<void> {
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      return this.#run();
    });
    this.#running = this.#queued;
    return this.#queued;
  }

  /** The same, and writes the settings of this group although they have not changed. */
  publishAgain(group: string): Promise<void> {
    this.#settings.delete(group);
    return this.publish();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    const { store, newest, log } = this.#options;
    try {
      const state = await newest();
      const { tokens, nextExpiryMs } = liveAgentTokens(state, Date.now());
      this.#nextExpiryMs = nextExpiryMs;
      this.#noteRemovedGroups(state);
      // Goes as far as it can: one node of a Cluster may be away.
      const cards = writeAgentCards(store, tokens, this.#cards).then(
        (written) => void (this.#cards = written),
      );
      const published = allOrFirstFailure([this.#publishSettings(state), cards]);
      await published.catch(() => undefined);
      // The rest works without logins. AgentLogins has logged the reason.
      await this.#logins.provision().catch(() => undefined);
      await published;
    } catch (error) {
      this.#nextExpiryMs = 0;
      log.debug({ err: error }, 'could not publish the configuration, trying again');
    }
  }

  async #publishSettings(state: ConfigState): Promise<void> {
    // A fresh install has the limits of its hubs' flags.
    if (state.version === 0) return;
    const published = this.#settings;
    const newestVersion = async () => (await this.#options.newest()).version;
    await allOrFirstFailure(
      [...state.groups.values()].map(async (group) => {
        const settings = settingsOf(state, group);
        const json = JSON.stringify(settings);
        if (published.get(group.name) === json) return;
        await callStore(this.#options.store.at(group.name, 'commands'), (client) =>
          publishGroupSettings(client, { settings, version: state.version, newest: newestVersion }),
        );
        published.set(group.name, json);
      }),
    );
  }

  #noteRemovedGroups(state: ConfigState): void {
    const now = new Set(state.groups.keys());
    for (const name of this.#groups) if (!now.has(name)) this.#toDrop.set(name, DROP_TRIES);
    for (const name of now) this.#toDrop.delete(name);
    for (const name of this.#toDrop.keys()) this.#settings.delete(name);
    this.#groups = now;
  }

  #tick(): void {
    if (!this.#options.store.isUp) return;
    if (Date.now() >= Math.min(this.#nextExpiryMs, this.#moved.nextEndMs)) void this.publish();
    for (const [name, tries] of this.#toDrop) void this.#drop(name, tries);
  }

  async #drop(name: string, tries: number): Promise<void> {
    this.#toDrop.delete(name);
    const connection = this.#options.store.at(name, 'commands');
    const isGone = await callStore(connection, (client) => dropGroup(client, name)).catch(() => false);
    // A group that was configured again meanwhile stays.
    if (!isGone && tries > 1 && !this.#groups.has(name)) this.#toDrop.set(name, tries - 1);
  }
}
