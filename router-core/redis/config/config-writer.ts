import type { ObjectChange } from '../../config/diff-documents.ts';
import { OBJECT_KINDS } from '../../config/object-kinds.ts';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type Steps } from '../../config/steps.ts';
import { inSlices } from '../../runtime/slices.ts';
import { auditEntry, visibleChanges, type Actor } from './audit-log.ts';
import { applyEdits, type EditContext, type ObjectEdit } from '../../config/config-edits.ts';
import { ConfigRefusal } from '../../config/config-refusal.ts';
import { ConfigReader, FRESH_STATE, objectsOf, type ConfigState } from '../../config/config-state.ts';
import { commitConfig, nextVersion, readConfig, type ConfigChange } from './config-store.ts';
import type { Connection } from '../connection/connection.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { callStore } from '../connection/store-call.ts';

export interface ConfigWriterOptions {
  readonly commands: Connection;
  readonly checkRoute: EditContext['checkRoute'];
  /** Called with every new state. */
  readonly onState: (state: ConfigState) => void;
  readonly log: Logger;
}

export interface ConfigEdit {
  readonly actor: Actor;
  /** The name of the action in the audit log. */
  readonly action: string;
  /** Called with the newest state, and again with a newer one when another writer was faster. Throws ConfigRefusal. */
  readonly edit: (state: ConfigState) => readonly ObjectEdit[];
  /** Checks the state after the change; throws ConfigRefusal. */
  readonly check?: (after: ConfigState) => void;
  /** Computes the changes and writes nothing. */
  readonly dryRun?: boolean;
}

export interface ConfigWrite {
  readonly before: ConfigState;
  /** The same as `before` when there was nothing to change. */
  readonly after: ConfigState;
  readonly changes: readonly ObjectChange[];
}

/** After so many lost races something else must be wrong. */
const MOST_TRIES = 50;

/**
 * Changes the configuration. Any number of processes may write at the same time: a write is based on the newest state and
 * succeeds only if that is still the newest; otherwise it is decided again.
 */
export class ConfigWriter {
  readonly #options: ConfigWriterOptions;
  readonly #reader = new ConfigReader();
  #state: ConfigState | undefined;
  #reading: { readonly version: number; readonly state: Promise<ConfigState> } | undefined;
  /** Serializes the writes of this process. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigWriterOptions) {
    this.#options = options;
  }

  /** The newest state that this process knows; undefined until Redis was reached once. */
  get state(): ConfigState | undefined {
    return this.#state;
  }

  /** Takes a state that ConfigWatch has read, unless this process has written a newer one since. */
  adopt(state: ConfigState): void {
    if (this.#state === undefined || state.version > this.#state.version) this.#take(state);
    // An older state was read before our write, or Redis holds an older copy. Reading Redis decides.
    else if (state.version < this.#state.version) void this.newest().catch(() => undefined);
  }

  /** The state in Redis. When Redis has lost its data, the state that this process remembers. Rejects while Redis is away. */
  async newest(): Promise<ConfigState> {
    return (await this.#read()).state;
  }

  /**
   * Rejects with ConfigRefusal, with StoreUnavailableError (then nobody knows if it was written), or with the server's error.
   */
  change(edit: ConfigEdit): Promise<ConfigWrite> {
    const done = this.#last.then(() => this.#change(edit));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #change(edit: ConfigEdit): Promise<ConfigWrite> {
    for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
      const written = await this.#tryOnce(edit);
      if (written) return written;
      await sleep(Math.random() * 5 * attempt);
    }
    throw new ConfigRefusal('conflict', 'Other writers were faster every time: try again');
  }

  /** Undefined when another writer was faster. */
  async #tryOnce({ actor, action, edit, check, dryRun }: ConfigEdit): Promise<ConfigWrite | undefined> {
    const { state: before, storedVersion } = await this.#read();
    const version = nextVersion(before.version);
    const at = new Date().toISOString();
    const { checkRoute } = this.#options;
    const after = await inSlices(applyEdits(before, edit(before), { version, nowIso: at, checkRoute }));
    check?.(after);
    const changes = await inSlices(visibleChanges(before, after));
    if (dryRun || after === before) return { before, after, changes };

    // Redis is empty: the whole state is written, the objects of a fresh install included.
    const complete = storedVersion === 0 ? stampFresh(after, version, at) : after;
    const commit = {
      base: storedVersion,
      version,
      changes: await inSlices(changedObjects(storedVersion === 0 ? undefined : before, complete)),
      audit: auditEntry({ at, actor, action, version, changes }),
    };
    const isWritten = await callStore(this.#options.commands, (client) => commitConfig(client, commit));
    if (!isWritten) return undefined;
    this.#take(complete);
    this.#options.log.info({ version, action, actor: actor.name }, 'configuration changed');
    return { before, after: complete, changes };
  }

  #read(): Promise<{ state: ConfigState; storedVersion: number }> {
    const { commands, log } = this.#options;
    return callStore(commands, async (client) => {
      const storedVersion = Number((await client.get(CONFIG_KEYS.version)) ?? '0');
      const known = this.#state;
      if (storedVersion === 0 || known?.version === storedVersion) {
        return { state: known ?? this.#take(FRESH_STATE), storedVersion };
      }
      // Callers that need the version which is being read wait for the same read.
      if (this.#reading?.version !== storedVersion) {
        const state = readConfig(client, { reader: this.#reader, log }).finally(() => {
          if (this.#reading?.state === state) this.#reading = undefined;
        });
        this.#reading = { version: storedVersion, state };
      }
      const state = this.#take(await this.#reading.state);
      return { state, storedVersion: state.version };
    });
  }

  #take(state: ConfigState): ConfigState {
    if (this.#state?.version === state.version) return this.#state;
    this.#state = state;
    this.#options.onState(state);
    return state;
  }
}

/** Objects that differ; all of them when nothing was stored before. */
function* changedObjects(before: ConfigState | undefined, after: ConfigState): Steps<ConfigChange[]> {
  const changes: ConfigChange[] = [];
  for (const kind of OBJECT_KINDS) {
    const old = before ? objectsOf(before, kind) : new Map<string, unknown>();
    const now = objectsOf(after, kind);
    if (old === now) continue;
    for (const [name, object] of now) {
      yield;
      if (old.get(name) !== object) changes.push({ kind, name, json: JSON.stringify(object) });
    }
    for (const name of old.keys()) if (!now.has(name)) changes.push({ kind, name, json: undefined });
  }
  return changes;
}

/** Objects that were never stored get the new version as their revision. */
function stampFresh(state: ConfigState, revision: number, at: string): ConfigState {
  const stamp = <T extends { revision: number }>(objects: ReadonlyMap<string, T>) =>
    new Map(
      [...objects].map(([name, object]) => [
        name,
        object.revision === 0 ? { ...object, revision, createdAt: at, updatedAt: at } : object,
      ]),
    );
  return { ...state, groups: stamp(state.groups), routes: stamp(state.routes) };
}
