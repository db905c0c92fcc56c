import { describe, expect, test } from 'vitest';
import { ChurnMap } from '../../router-core/runtime/churn-map.ts';
import { createRandom } from '../support/random.ts';

describe('a map for keys that come and go', () => {
  test('does what Map does, whatever is done to it', () => {
    const random = createRandom(7);
    const below = (n: number) => Math.floor(random() * n);
    const map = new ChurnMap<number>();
    const reference = new Map<string, number>();
    for (let step = 0; step < 50_000; step++) {
      // Few keys, so that slots collide and gaps close; now and then many at once.
      const key = `${below(step % 10_000 < 5_000 ? 60 : 900)}-0`;
      if (below(2) === 0) {
        map.set(key, step);
        reference.set(key, step);
      } else expect(map.delete(key)).toBe(reference.delete(key));
      expect(map.size).toBe(reference.size);
      expect(map.get(key)).toBe(reference.get(key));
    }
    const inOrder = (list: Iterable<number>) => [...list].sort((a, b) => a - b);
    expect(inOrder(map.values())).toEqual(inOrder(reference.values()));
    expect(map.keys().sort()).toEqual([...reference.keys()].sort());
    for (const [key, value] of reference) expect(map.get(key)).toBe(value);
  });

  test('holds undefined, too', () => {
    const map = new ChurnMap<undefined>();
    map.set('a', undefined);
    expect(map.has('a')).toBe(true);
    expect(map.values()).toEqual([undefined]);
    expect(map.delete('a')).toBe(true);
    expect(map.has('a')).toBe(false);
  });

  test('can be changed while its values are gone through', () => {
    const map = new ChurnMap<string>();
    for (const key of ['a', 'b', 'c']) map.set(key, key);
    for (const value of map.values()) map.delete(value);
    expect(map.size).toBe(0);
  });

  test('forgets all at once', () => {
    const map = new ChurnMap<number>();
    map.set('a', 1);
    map.clear();
    expect([map.size, map.get('a')]).toEqual([0, undefined]);
  });
});
