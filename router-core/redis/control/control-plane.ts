import type { Logger } from '../../runtime/logger.ts';
import { abortRequest, type AbortOutcome } from './abort-request.ts';
import {
  noteRepair,
  noteRequest,
  readAudit,
  type Actor,
  type AuditPage,
  type AuditQuery,
} from '../config/audit-log.ts';
import type { EditContext } from '../../config/config-edits.ts';
import { ConfigPublisher } from './config-publisher.ts';
import type { ConfigState } from '../../config/config-state.ts';
import { ConfigWatch } from '../config/config-watch.ts';
import { ConfigWriter, type ConfigEdit, type ConfigWrite } from '../config/config-writer.ts';
import type { Connection } from '../connection/connection.ts';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import { forgetDead, listDead, type DeadPage, type DeadQuery } from './dead-requests.ts';
import { CONFIG_TAG } from '../scripts/keys.ts';
import { readHubReports, type HubReport } from './hub-reports.ts';
import type { LiveInstance } from './live-instance.ts';
import { readProcessLogs, type ProcessLogs } from './process-logs.ts';
import { LiveStatusReader, type LiveStatus } from './live-status.ts';
import { repairGroup } from './repair-group.ts';
import { groupError, listRequests, type RequestPage, type RequestQuery } from './requests-in-flight.ts';
import { AgentScripts } from '../scripts/agent-scripts.ts';
import { openStore, type Store } from '../connection/store.ts';
import { callStore } from '../connection/store-call.ts';
import { TokenUse } from './token-use.ts';
import { groupsOfRemovedTokens, removedTokens } from './removed-tokens.ts';

export interface ControlPlaneOptions {
  readonly redisUrl: string;
  readonly checkRoute: EditContext['checkRoute'];
  readonly log: Logger;
}

const NOTE_AGENTS_MS = 10_000;

/** Everything that router-api shares with Redis. Calls reject with StoreUnavailableError while it is away. */
export class ControlPlane {
  readonly tokenUse: TokenUse;
  readonly #log: Logger;
  readonly #store: Store;
  /** The connection to the configuration. */
  readonly #commands: Connection;
  readonly #writer: ConfigWriter;
  readonly #watch: ConfigWatch;
  readonly #publisher: ConfigPublisher;
  readonly #scripts: AgentScripts;
  readonly #live = new LiveStatusReader();
  readonly #listeners = new Set<(state: ConfigState) => void>();
  readonly #timer: NodeJS.Timeout;

  constructor({ redisUrl: url, checkRoute, log }: ControlPlaneOptions) {
    const store = openStore({ url, everyNode: true, log });
    const commands = store.at(CONFIG_TAG, 'commands');
    const doorbells = store.at(CONFIG_TAG, 'doorbells');
    const writer = new ConfigWriter({ commands, checkRoute, onState: (state) => this.#onState(state), log });
    this.#log = log;
    this.#store = store;
    this.#commands = commands;
    this.#writer = writer;
    const onState = (state: ConfigState) => writer.adopt(state);
    const known = (version: number) => (writer.state?.version === version ? writer.state : undefined);
    this.#watch = new ConfigWatch({ commands, doorbells, known, onState, log });
    const onExpired = (groups: ReadonlySet<string>) => void this.#repairAll(groups);
    this.#publisher = new ConfigPublisher({ store, newest: () => writer.newest(), onExpired, log });
    this.#scripts = new AgentScripts({ store, log });
    this.tokenUse = new TokenUse(commands);
    this.#timer = setInterval(() => void this.#noteAgents(), NOTE_AGENTS_MS);
    this.#timer.unref();
  }

  /** The newest known configuration; while Redis is away, the last one. Throws before Redis was reached for the first time. */
  get state(): ConfigState {
    const { state } = this.#writer;
    if (!state) throw new StoreUnavailableError(false);
    return state;
  }

  /** The state in Redis. */
  newest(): Promise<ConfigState> {
    return this.#writer.newest();
  }

  /** True when a configuration is known. */
  get isInformed(): boolean {
    return this.#writer.state !== undefined;
  }

  /** Called with every new version. Returns a function that ends that. */
  onChange(listener: (state: ConfigState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the change is written, and agents' logins and groups' settings match it. See ConfigWriter.change. */
  async change(edit: ConfigEdit): Promise<ConfigWrite> {
    const write = await this.#writer.change(edit);
    if (edit.dryRun || write.after === write.before) return write;
    this.tokenUse.forget(removedTokens(write));
    await this.#publisher.publish();
    // The login of a removed token is gone, but not what it has written into its group.
    void this.#repairAll(groupsOfRemovedTokens(write));
    return write;
  }

  /** Rebuilds the state of a group, see repair-group.ts. */
  async repairGroup(group: string, actor: Actor): Promise<void> {
    const { version } = this.state;
    await this.#repair(group);
    await callStore(this.#commands, (client) => noteRepair(client, { actor, version, group }));
  }

  /** True when Redis answers. */
  async ready(): Promise<boolean> {
    const pong = await callStore(this.#commands, (client) => client.ping()).catch(() => undefined);
    return pong === 'PONG' && this.#writer.state !== undefined;
  }

  status(): Promise<LiveStatus> {
    const { state } = this;
    return this.#live.read(this.#store, state);
  }

  /** The reports of the live hubs. */
  async hubs(): Promise<HubReport[]> {
    return [...(await callStore(this.#commands, readHubReports)).values()];
  }

  async instances(): Promise<LiveInstance[]> {
    const { groups } = await this.status();
    return groups.flatMap(({ instances }) => instances);
  }

  /** The problems that processes have logged lately: the hubs, the agents of all groups or of one. */
  async logs({
    of,
    group,
  }: {
    of: 'hubs' | 'agents' | 'all';
    group?: string | undefined;
  }): Promise<ProcessLogs> {
    const groups = of === 'hubs' ? [] : await this.#groupNames(group);
    return readProcessLogs(this.#store, { hubs: of !== 'agents', groups });
  }

  audit(query: AuditQuery): Promise<AuditPage> {
    return callStore(this.#commands, (client) => readAudit(client, query));
  }

  /** Requests of one group, or of all. Undefined when the cursor is not one of ours. */
  async requests(query: Omit<RequestQuery, 'groups'>, group?: string): Promise<RequestPage | undefined> {
    const groups = await this.#groupNames(group);
    return listRequests(this.#store, { ...query, groups });
  }

  /** Ends a request wherever it is; with its group it is found sooner. */
  async abort(id: string, actor: Actor, group?: string): Promise<AbortOutcome> {
    const { version } = this.state;
    for (const name of await this.#groupNames(group)) {
      const outcome = await callStore(this.#store.at(name, 'commands'), (client) =>
        abortRequest(client, { group: name, id, by: actor.name }),
      ).catch((error: unknown) => {
        // A fault in one group's keys does not stop a cancel in another.
        groupError(name, error);
        return 'unknown' as const;
      });
      if (outcome === 'unknown') continue;
      await callStore(this.#commands, (client) =>
        noteRequest(client, { actor, action: 'cancel', version, request: id }),
      );
      return outcome;
    }
    return 'unknown';
  }

  /** Requests that were given up after their last attempt. Undefined when the cursor is not one of ours. */
  async deadRequests(query: Omit<DeadQuery, 'groups'>, group?: string): Promise<DeadPage | undefined> {
    const groups = await this.#groupNames(group);
    return listDead(this.#store, { ...query, groups });
  }

  /** Removes a request from its group's dead list. False when it is not there. */
  async forgetDead(group: string, id: string, actor: Actor): Promise<boolean> {
    const { version } = this.state;
    const found = await callStore(this.#store.at(group, 'commands'), (client) =>
      forgetDead(client, group, id),
    );
    if (!found) return false;
    await callStore(this.#commands, (client) =>
      noteRequest(client, { actor, action: 'forget', version, request: id }),
    );
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watch.close();
    this.#publisher.close();
    this.#scripts.close();
    this.#store.close();
  }

  async #repairAll(groups: ReadonlySet<string>): Promise<void> {
    for (const group of groups) {
      await this.#repair(group).catch((error: unknown) => {
        this.#log.warn(
          { err: error, group },
          'could not repair the group of an ended token: repair it by hand',
        );
      });
    }
  }

  async #repair(name: string): Promise<void> {
    const { leaseMs = 6_000 } = this.state.groups.get(name) ?? {};
    await repairGroup(this.#store, { name, leaseMs });
    await this.#publisher.publishAgain(name);
  }

  async #groupNames(only: string | undefined): Promise<string[]> {
    if (only !== undefined) return [only];
    const { groups } = await this.status();
    return groups.map(({ name }) => name);
  }

  #onState(state: ConfigState): void {
    for (const listener of this.#listeners) listener(state);
    void this.#publisher.publish();
  }

  /** An agent's token is in use while an instance that reports it is alive. */
  async #noteAgents(): Promise<void> {
    const instances = await this.instances().catch(() => []);
    const { agents } = this.#writer.state ?? {};
    const used = instances.filter(({ agent, group, tokenId }) => {
      const record = agents?.get(agent ?? '');
      // Agents can write any token id there: only those of their own record count.
      return record?.group === group && record.tokens.some(({ id }) => id === tokenId);
    });
    this.tokenUse.note(used.flatMap(({ tokenId }) => tokenId ?? []));
  }
}
