import type { ConfigDocument } from '../config/document.ts';
import { FRESH_DOCUMENT } from '../config/document.ts';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../config/object-kinds.ts';
import { parseStored, type StoredObject } from '../config/stored.ts';
import { isPause, type Steps } from '../config/steps.ts';

/** The configuration at one version. Immutable: a new version is a new state. */
export interface ConfigState {
  /** 0: nothing was ever written, and the configuration of a fresh install applies. */
  readonly version: number;
  readonly groups: ReadonlyMap<string, StoredObject<'group'>>;
  readonly routes: ReadonlyMap<string, StoredObject<'route'>>;
  readonly apps: ReadonlyMap<string, StoredObject<'app'>>;
  readonly agents: ReadonlyMap<string, StoredObject<'agent'>>;
  readonly admins: ReadonlyMap<string, StoredObject<'admin'>>;
}

const EPOCH = new Date(0).toISOString();

/** The state before the first write. */
export const FRESH_STATE: ConfigState = {
  version: 0,
  groups: named(FRESH_DOCUMENT.groups),
  routes: named(FRESH_DOCUMENT.routes),
  apps: new Map(),
  agents: new Map(),
  admins: new Map(),
};

function named<T extends { readonly name: string }>(
  objects: readonly T[],
): Map<string, T & { revision: number; createdAt: string; updatedAt: string }> {
  return new Map(
    objects.map((object) => [object.name, { ...object, revision: 0, createdAt: EPOCH, updatedAt: EPOCH }]),
  );
}

/** The objects of one kind, by name. */
export function objectsOf<K extends ObjectKind>(
  state: ConfigState,
  kind: K,
): ReadonlyMap<string, StoredObject<K>> {
  return state[LIST_OF[kind]] as unknown as ReadonlyMap<string, StoredObject<K>>;
}

/** The objects of a state as the lists of a document, unordered and with the fields that the store adds. Copies no object. */
export function listsOf(state: ConfigState): ConfigDocument {
  const lists = OBJECT_KINDS.map((kind) => [LIST_OF[kind], [...objectsOf(state, kind).values()]] as const);
  return Object.fromEntries<unknown>(lists) as ConfigDocument;
}

/** The state without the fields that the store adds. */
export function documentOf(state: ConfigState): ConfigDocument {
  const list = (kind: ObjectKind) =>
    [...objectsOf(state, kind).values()]
      .map((object) => withoutStoreFields(object as Record<string, unknown>))
      .sort((a, b) => ((a['name'] as string) < (b['name'] as string) ? -1 : 1));
  return Object.fromEntries(OBJECT_KINDS.map((kind) => [LIST_OF[kind], list(kind)])) as ConfigDocument;
}

export function withoutStoreFields(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { revision: _, createdAt: _c, updatedAt: _u, tokens: _t, ...rest } = object;
  return rest;
}

/** A stored object that cannot be parsed. */
export interface UnreadableObject {
  readonly kind: ObjectKind;
  /** The name under which it is stored. */
  readonly name: string;
  readonly reason: string;
}

type Objects = ReadonlyMap<string, unknown>;

/**
 * Turns the hashes in Redis into states. An unchanged object keeps its identity and is not parsed again, and an unchanged kind
 * keeps its map, so callers may cache by identity.
 */
export class ConfigReader {
  readonly #kinds = new Map(OBJECT_KINDS.map((kind) => [kind, new KindReader(kind)]));

  /**
   * `hashes`: names and JSON texts in turn, one list per kind; a name may occur twice. `onBad` is called for objects that
   * cannot be parsed: they are omitted. Several reads may run at once.
   */
  *read(
    version: number,
    hashes: readonly (readonly string[])[],
    onBad: (object: UnreadableObject) => void,
  ): Steps<ConfigState> {
    if (version === 0) return FRESH_STATE;
    const maps: Record<string, Objects> = {};
    for (const [i, kind] of OBJECT_KINDS.entries()) {
      const reader = this.#kinds.get(kind);
      if (reader) maps[LIST_OF[kind]] = yield* reader.read(hashes[i] ?? [], onBad);
    }
    return { version, ...maps } as unknown as ConfigState;
  }
}

class KindReader {
  readonly #kind: ObjectKind;
  /** Objects and the text that they were parsed from, also for states that no caller waited for. */
  readonly #known = new Map<string, { readonly text: string; readonly object: unknown }>();
  #objects: Objects = new Map();

  constructor(kind: ObjectKind) {
    this.#kind = kind;
  }

  *read(hash: readonly string[], onBad: (object: UnreadableObject) => void): Steps<Objects> {
    // Another read may finish while this one pauses.
    const last = this.#objects;
    const objects = new Map<string, unknown>();
    let changed = 0;
    for (let at = 0; at + 1 < hash.length; at += 2) {
      yield;
      const name = hash[at] ?? '';
      const known = this.#objectOf(name, hash[at + 1] ?? '', onBad);
      if (!known) continue;
      objects.set(name, known.object);
      if (last.get(name) !== known.object) changed += 1;
    }
    if (changed === 0 && objects.size === last.size) return last;
    this.#objects = objects;
    let round = 0;
    for (const name of this.#known.keys()) {
      if (isPause((round += 1))) yield;
      if (!objects.has(name)) this.#known.delete(name);
    }
    return objects;
  }

  #objectOf(
    name: string,
    text: string,
    onBad: (object: UnreadableObject) => void,
  ): { readonly object: unknown } | undefined {
    const known = this.#known.get(name);
    if (known?.text === text) return known;
    const kind = this.#kind;
    try {
      const read = { text, object: parseStored(kind, text) };
      this.#known.set(name, read);
      return read;
    } catch (error) {
      onBad({ kind, name, reason: (error as Error).message });
      return undefined;
    }
  }
}
