import type { ConfigDocument } from '../config/document.ts';
import { FRESH_DOCUMENT } from '../config/document.ts';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../config/object-kinds.ts';
import { parseStored, type StoredObject } from '../config/stored.ts';

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

/** Turns what Redis holds into states. What has not changed since the last state is taken from it, not parsed again. */
export class ConfigReader {
  #texts = new Map<string, string>();
  #parsed = new Map<string, unknown>();

  /** `hashes`: names and JSON texts in turn, one list per kind. `onBad` hears of objects that cannot be read: they are left out. */
  read(version: number, hashes: readonly string[][], onBad: (object: UnreadableObject) => void): ConfigState {
    if (version === 0) return FRESH_STATE;
    const texts = new Map<string, string>();
    const parsed = new Map<string, unknown>();
    const maps = OBJECT_KINDS.map((kind, i) => {
      const hash = hashes[i] ?? [];
      const objects = new Map<string, unknown>();
      for (let at = 0; at + 1 < hash.length; at += 2) {
        const name = hash[at] ?? '';
        const text = hash[at + 1] ?? '';
        const key = `${kind} ${name}`;
        try {
          const object = this.#texts.get(key) === text ? this.#parsed.get(key) : parseStored(kind, text);
          objects.set(name, object);
          texts.set(key, text);
          parsed.set(key, object);
        } catch (error) {
          onBad({ kind, name, reason: (error as Error).message });
        }
      }
      return [LIST_OF[kind], objects];
    });
    this.#texts = texts;
    this.#parsed = parsed;
    return { version, ...Object.fromEntries(maps) } as ConfigState;
  }
}
