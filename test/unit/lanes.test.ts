import { describe, expect, test } from 'vitest';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import {
  admissionParts,
  endOfLane,
  groupScript,
  scopesOf,
  splitLanes,
} from '../../router-core/redis/scripts/script-keys.ts';

describe('lanes', () => {
  test('are named by a number and the scopes of their instances', () => {
    expect(endOfLane([])).toBe('');
    expect(endOfLane(['gpu', 'eu'])).toBe('+eu+gpu');
    expect(scopesOf('12+eu+gpu')).toEqual(['eu', 'gpu']);
    expect(scopesOf('3')).toEqual([]);
  });

  test('a few stay together', () => {
    expect(splitLanes(['0', '1'], 2)).toEqual([['0', '1']]);
    expect(splitLanes([], 2)).toEqual([[]]);
  });

  test('many are split so that each part can serve every scope, and no lane is forgotten', () => {
    const plain = Array.from({ length: 30 }, (_, i) => String(i));
    const all = [...plain, '0+eu', '1+eu', '0+gpu'];
    const parts = splitLanes(all, 8);
    expect(parts).toHaveLength(5);
    expect(new Set(parts.flat())).toEqual(new Set(all));
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(8);
      expect(part.filter((lane) => lane.endsWith('+eu'))).toHaveLength(1);
      expect(part).toContain('0+gpu');
    }
  });

  test('a script is told of the lines of all their scopes', () => {
    const { keys, args } = groupScript(groupKeys('g'), ['0', '1+eu', '0+eu+gpu']);
    expect(args).toEqual([3, '0', '1+eu', '0+eu+gpu', 2, 'eu', 'gpu']);
    expect(keys.slice(6)).toEqual([
      'mr:{g}:lane:0',
      'mr:{g}:lane:1+eu',
      'mr:{g}:lane:0+eu+gpu',
      'mr:{g}:waiting:eu',
      'mr:{g}:redelivery:eu',
      'mr:{g}:waiting:gpu',
      'mr:{g}:redelivery:gpu',
    ]);
  });
});

describe('admissions', () => {
  const shared = Array.from({ length: 40 }, (_, i) => String(i));

  test('see every lane of a relay each time, and some of the others by turns', () => {
    const relays = ['100000', '100001+gpu', '100002'];
    const parts = admissionParts([...shared, ...relays], 16, 64);
    expect(parts).toHaveLength(3);
    expect(new Set(parts.flat())).toEqual(new Set([...shared, ...relays]));
    for (const part of parts) {
      expect(part).toEqual(expect.arrayContaining(relays));
      expect(part.length).toBeLessThanOrEqual(16 + relays.length);
    }
  });

  test('see lanes of relays by turns, too, when there are more than one call should look at', () => {
    const relays = Array.from({ length: 130 }, (_, i) => String(100_000 + i));
    const parts = admissionParts(['0', ...relays], 16, 64);
    expect(new Set(parts.flat())).toEqual(new Set(['0', ...relays]));
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(65);
  });
});
