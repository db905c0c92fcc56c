import type { ConfigDocument } from './document.ts';
import { FRESH_DOCUMENT } from './document.ts';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from './object-kinds.ts';
import { parseStored, type StoredObject } from './stored.ts';

/** The configuration as of one version. Never changed: a new version is a new state. */
export interface ConfigState {
  /** 0: nothing was ever written, and a fresh install's configuration applies. */
  readonly version: number;
  readonly groups: ReadonlyMap<string, StoredObject<'group'>>;
  readonly routes: ReadonlyMap<string, StoredObject<'route'>>;
  readonly apps: ReadonlyMap<string, StoredObject<'app'>>;
  readonly agents: ReadonlyMap<string, StoredObject<'agent'>>;
  readonly admins: ReadonlyMap<string, StoredObject<'admin'>>;
}

const EPOCH = new Date(0).toISOString();

/** What applies before anything was written. */
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

/** The state without what the store has added. */
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

/** An object that the store holds and nobody can read. */
export interface UnreadableObject {
  readonly kind: ObjectKind;
  /** It is stored as. */
  readonly name: string;
  readonly reason: string;
}

type Objects = ReadonlyMap<string, unknown>;

/**
 * Turns what Redis holds into states. What has not changed since the last state is taken from it, not parsed again: the same
 * object, and of a kind in which nothing has changed the same map. Others may keep by identity what they have made of it.
 */
export class ConfigReader {
  readonly #kinds = new Map(OBJECT_KINDS.map((kind) => [kind, new KindReader(kind)]));

  /** `hashes`: names and JSON texts in turn, one list per kind. `onBad` hears of objects that cannot be read: they are left out. */
  read(version: number, hashes: readonly string[][], onBad: (object: UnreadableObject) => void): ConfigState {
    if (version === 0) return FRESH_STATE;
    const maps = OBJECT_KINDS.map((kind, i) => [
      LIST_OF[kind],
      this.#kinds.get(kind)?.read(hashes[i] ?? [], onBad),
    ]);
    return { version, ...Object.fromEntries(maps) } as ConfigState;
  }
}

class KindReader {
  readonly #kind: ObjectKind;
  /** What the objects were read from. */
  readonly #texts = new Map<string, string>();
  #objects: Objects = new Map();

  constructor(kind: ObjectKind) {
    this.#kind = kind;
  }

  read(hash: readonly string[], onBad: (object: UnreadableObject) => void): Objects {
    const kind = this.#kind;
    const objects = new Map<string, unknown>();
    let changed = 0;
    for (let at = 0; at + 1 < hash.length; at += 2) {
      const name = hash[at] ?? '';
      const text = hash[at + 1] ?? '';
      if (this.#texts.get(name) === text) {
        objects.set(name, this.#objects.get(name));
        continue;
      }
      try {
        objects.set(name, parseStored(kind, text));
        changed += 1;
      } catch (error) {
        onBad({ kind, name, reason: (error as Error).message });
      }
    }
    if (changed === 0 && objects.size === this.#objects.size) return this.#objects;
    this.#keep(hash, objects);
    return objects;
  }

  #keep(hash: readonly string[], objects: Objects): void {
    this.#objects = objects;
    for (let at = 0; at + 1 < hash.length; at += 2) {
      const name = hash[at] ?? '';
      if (objects.has(name)) this.#texts.set(name, hash[at + 1] ?? '');
    }
    for (const name of this.#texts.keys()) if (!objects.has(name)) this.#texts.delete(name);
  }
}
