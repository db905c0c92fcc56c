import { randomBytes } from 'node:crypto';
import { sleep } from '../../runtime/backoff.ts';
import { AppLimits } from './app-limits.ts';
import type { ServedSettings } from '../../config/group-settings.ts';
import type { StoredApp } from '../../config/stored.ts';
import type { HubExchange, HubExchangeHandlers } from '../../exchange/hub-exchange.ts';
import type { AppAdmission, HubLink, HubLinkOptions, OpenRequest } from '../../exchange/hub-link.ts';
import { ConfigWatch } from '../config/config-watch.ts';
import { AgentScripts } from '../scripts/agent-scripts.ts';
import { checkEngine } from '../connection/engine.ts';
import { HubReporter } from './hub-reporter.ts';
import { Inbox } from '../frames/inbox.ts';
import type { LocalInboxes } from '../frames/local-inboxes.ts';
import { CONFIG_KEYS, CONFIG_TAG, groupKeys } from '../scripts/keys.ts';
import { callStore } from '../connection/store-call.ts';
import { RedisHubExchange } from './redis-hub-exchange.ts';
import { ServedGroup } from './served-group.ts';
import { openStore, type Store } from '../connection/store.ts';

/** One hub's shared access to Redis: its connections, its inbox, the configuration, and a queue per group. */
export class RedisHubLink implements HubLink {
  /** This hub's name in Redis; new with every start. */
  readonly hub = randomBytes(6).toString('hex');
  readonly #inbox: Inbox;
  readonly #local: LocalInboxes | undefined;
  readonly #appLimits: AppLimits;
  readonly #reporter: HubReporter;
  readonly #options: HubLinkOptions;
  readonly #store: Store;
  readonly #config: ConfigWatch;
  readonly #scripts: AgentScripts;
  readonly #groups = new Map<string, ServedGroup>();
  readonly #closing = new AbortController();
  #repaired: ReadonlyMap<string, string> = new Map();
  #sequence = 0;

  /** `local`: where relays of this process find this hub. */
  constructor(url: string, options: HubLinkOptions, local?: LocalInboxes) {
    this.#options = options;
    const { onState, report, log } = options;
    const store = (this.#store = openStore({ url, log }));
    const commands = store.at(CONFIG_TAG, 'commands');
    const doorbells = store.at(CONFIG_TAG, 'doorbells');
    this.#inbox = new Inbox({
      store,
      onFault: (group, why) => this.#groups.get(group)?.health.strike(why),
      log,
    });
    local?.add(this.hub, this.#inbox);
    this.#local = local;
    this.#appLimits = new AppLimits(store);
    const onRepairs = (repairs: ReadonlyMap<string, string>) => this.#repair(repairs);
    this.#reporter = new HubReporter({ hub: this.hub, commands, report, onRepairs, log });
    this.#scripts = new AgentScripts({ store, log });
    store.onClient((client) => {
      for (const group of this.#groups.values()) if (group.client === client) group.publish();
    });
    this.#config = new ConfigWatch({ commands, doorbells, onState, log });
  }

  async check(): Promise<void> {
    await this.#store.at(CONFIG_TAG, 'commands').ready(this.#closing.signal);
    for (const { client } of this.#store.masters()) if (client) await checkEngine(client);
  }

  /** Without doorbells replies are late, but they come. */
  get connected(): boolean {
    return this.#store.isUp && this.#config.state !== undefined;
  }

  get ready(): boolean {
    return this.connected && this.#inbox.subscribed;
  }

  get missedDoorbells(): number {
    return this.#inbox.missedDoorbells;
  }

  async settled(ms: number): Promise<void> {
    const until = performance.now() + ms;
    await this.#store.at(CONFIG_TAG, 'commands').readyWithin(ms);
    while (!this.ready && performance.now() < until) await sleep(5, this.#closing.signal);
  }

  serve(version: number, groups: readonly ServedSettings[]): void {
    const names = new Set(groups.map(({ name }) => name));
    for (const [name, group] of this.#groups) if (!names.has(name)) group.retire();
    for (const settings of groups) {
      const group = this.#groups.get(settings.name);
      if (group) group.update(settings, version);
      else this.#add(settings, version);
    }
  }

  group(name: string): ServedGroup {
    const group = this.#groups.get(name);
    if (!group) throw new Error(`group ${name} is not served here`);
    return group;
  }

  groups(): ReadonlyMap<string, ServedGroup> {
    return this.#groups;
  }

  open(request: OpenRequest, handlers: HubExchangeHandlers): HubExchange {
    const { queue } = this.group(request.group);
    return new RedisHubExchange({ request, queue, inbox: this.#inbox, handlers });
  }

  enterApp(app: StoredApp, id: string): Promise<AppAdmission> {
    return this.#appLimits.enter(app, id);
  }

  leaveApp(app: string, id: string): void {
    this.#appLimits.leave(app, id);
  }

  async sharedSecret(): Promise<Buffer> {
    const commands = this.#store.at(CONFIG_TAG, 'commands');
    const text = await callStore(commands, async (client) => {
      await client.set(CONFIG_KEYS.linkKey, randomBytes(32).toString('hex'), 'NX');
      return client.get(CONFIG_KEYS.linkKey);
    });
    return Buffer.from(text ?? '', 'hex');
  }

  tokenUsed(id: string): void {
    this.#reporter.tokenUsed(id);
  }

  nextId(): string {
    return `${this.hub}-${(this.#sequence++).toString(36)}`;
  }

  async close(): Promise<void> {
    await Promise.race([this.#reporter.close(), sleep(500)]);
    this.#closing.abort();
    this.#local?.delete(this.hub);
    this.#config.close();
    this.#scripts.close();
    this.#appLimits.close();
    this.#inbox.stop();
    for (const group of this.#groups.values()) group.close();
    this.#store.close();
  }

  /** Repairs each group once. A new hub gets all requests of the last hour, and has nothing to drop. */
  #repair(repairs: ReadonlyMap<string, string>): void {
    for (const [name, askedAt] of repairs) {
      if (this.#repaired.get(name) !== askedAt) this.#groups.get(name)?.repair();
    }
    this.#repaired = repairs;
  }

  async #liveHubs(): Promise<ReadonlySet<string>> {
    const commands = this.#store.at(CONFIG_TAG, 'commands');
    return new Set(await callStore(commands, (client) => client.hkeys(CONFIG_KEYS.hubs)));
  }

  #add(settings: ServedSettings, version: number): void {
    const { name } = settings;
    const channel = groupKeys(name).hubChannel(this.hub);
    this.#inbox.listen(channel);
    const group = new ServedGroup({
      hub: this.hub,
      commands: this.#store.at(name, 'commands'),
      settings,
      version,
      onAbsence: () => this.#options.onAbsence(name),
      newestVersion: () => this.#config.newestVersion(),
      knows: (id) => this.#inbox.has(id),
      liveHubs: () => this.#liveHubs(),
      onRetired: () => {
        group.close();
        this.#inbox.stopListening(channel);
        this.#groups.delete(name);
        this.#options.log.info({ group: name }, 'the group is no longer served');
      },
      log: this.#options.log,
    });
    this.#groups.set(name, group);
  }
}
