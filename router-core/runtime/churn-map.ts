const FEWEST_SLOTS = 32;

/**
 * A map for keys that come and go thousands of times a second. When many keys were deleted, V8 gives a Map a new table and
 * links the old table to it. An old table in the old generation keeps all later ones alive, with their content, until the next
 * full collection: every request then outlives its reply, and the collector copies it several times
 * (docs/decisions/0014-maps-of-requests.md has the measurement). This map has no such links.
 *
 * Open addressing with linear probing; a deletion closes the gap.
 */
export class ChurnMap<V, K extends string | number = string> {
  #keys: (K | undefined)[] = emptySlots(FEWEST_SLOTS);
  #values: (V | undefined)[] = emptySlots(FEWEST_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#values[this.#find(key)];
  }

  has(key: K): boolean {
    return this.#keys[this.#find(key)] !== undefined;
  }

  set(key: K, value: V): void {
    let slot = this.#find(key);
    if (this.#keys[slot] === undefined) {
      // At most half full: probes stay short.
      if (2 * (this.#size + 1) > this.#keys.length) {
        this.#grow();
        slot = this.#find(key);
      }
      this.#keys[slot] = key;
      this.#size += 1;
    }
    this.#values[slot] = value;
  }

  /** True when the key was there. */
  delete(key: K): boolean {
    const mask = this.#keys.length - 1;
    let gap = this.#find(key);
    if (this.#keys[gap] === undefined) return false;
    // Moves up entries that a look-up would no longer find behind the gap (Knuth, TAOCP 6.4, algorithm R).
    for (let next = (gap + 1) & mask; ; next = (next + 1) & mask) {
      const follower = this.#keys[next];
      if (follower === undefined) break;
      const home = hash(follower) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      this.#keys[gap] = follower;
      this.#values[gap] = this.#values[next];
      gap = next;
    }
    this.#keys[gap] = undefined;
    this.#values[gap] = undefined;
    this.#size -= 1;
    return true;
  }

  clear(): void {
    this.#keys.fill(undefined);
    this.#values.fill(undefined);
    this.#size = 0;
  }

  /** A copy of all keys, in no order. */
  keys(): K[] {
    return this.#keys.filter((key) => key !== undefined);
  }

  /** A copy of all values, in no order. */
  values(): V[] {
    const values = this.#values as V[];
    return values.filter((_value, slot) => this.#keys[slot] !== undefined);
  }

  /** The slot of the key, or the free slot where it would be. */
  #find(key: K): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let slot = hash(key) & mask;
    for (;;) {
      const found = keys[slot];
      if (found === undefined || found === key) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = emptySlots(2 * keys.length);
    this.#values = emptySlots(2 * keys.length);
    keys.forEach((key, slot) => {
      if (key === undefined) return;
      const target = this.#find(key);
      this.#keys[target] = key;
      this.#values[target] = values[slot];
    });
  }
}

function emptySlots(count: number): undefined[] {
  return Array.from<undefined>({ length: count });
}

/** FNV-1a of the last characters: those of ids and stream entries differ most. Numbers count up: they need no mixing. */
function hash(key: string | number): number {
  if (typeof key === 'number') return key;
  let value = 0x811c9dc5;
  for (let i = Math.max(0, key.length - 10); i < key.length; i++) {
    value = Math.imul(value ^ key.charCodeAt(i), 0x01000193);
  }
  return value ^ (value >>> 15);
}
